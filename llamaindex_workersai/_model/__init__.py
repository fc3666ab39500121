"""Shared by the three classes: settings, clients, tools, structured output and batches."""
