"""`mirsearch serve`: the search page and the HTTP API (extra `web`)."""
