"""Convert LlamaIndex's values to wire values and back, without network access."""
