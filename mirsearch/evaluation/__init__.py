"""How well an index, or an extractor, finds what was judged to be relevant."""
