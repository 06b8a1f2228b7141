"""The flow in: from sources through analysis and extractor into an index."""
