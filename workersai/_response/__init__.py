"""A whole reply -> a result or an error."""
