"""Cloudflare's REST API: requests are answered by an engine, in Cloudflare's formats."""
