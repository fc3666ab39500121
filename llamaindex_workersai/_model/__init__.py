"""What the three classes share: settings, clients, tool calling, structured output and batches."""
