"""The services that are searched for articles: Europe PMC, PMC, arXiv."""
