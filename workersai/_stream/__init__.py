"""Read a stream's bytes as they arrive and turn them into events."""
