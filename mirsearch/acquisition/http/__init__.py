"""A polite HTTP client for all services: rate limits, retries, size limits, a cache, and only the configured hosts."""
