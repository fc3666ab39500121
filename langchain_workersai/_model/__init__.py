"""Shared by the four classes: settings, clients, bound tools, structured output and batches."""
