"""Build requests from arguments. All errors in arguments are found here, before any I/O."""
