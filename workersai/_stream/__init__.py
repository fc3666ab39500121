"""The bytes of a stream, as they arrive -> events."""
