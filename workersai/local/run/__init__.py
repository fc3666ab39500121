"""The server as a command and as a context manager."""
