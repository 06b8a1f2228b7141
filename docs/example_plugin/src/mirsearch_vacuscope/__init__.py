"""A source and an extractor for mirsearch, which finds them through entry points."""
