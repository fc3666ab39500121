"""Cloudflare's REST API: a request comes in, an answer of an engine goes out in its shapes."""
