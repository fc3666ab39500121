"""LangChain's values -> the wire's, and back. Nothing here reaches the network."""
