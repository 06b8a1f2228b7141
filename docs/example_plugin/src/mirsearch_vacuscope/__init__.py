"""A source and an extractor for mirsearch, found through entry points."""
