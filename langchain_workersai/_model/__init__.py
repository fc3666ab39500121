"""What the four classes share: settings, clients, bound tools, structured output and batches."""
