"""Embeddings of many texts: one call in several requests, and vectors of a stream of texts."""
