"""Search and keep a corpus from Python: `mirsearch.open(...)`."""
