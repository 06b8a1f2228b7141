"""The services that are asked for articles: Europe PMC, PMC, arXiv."""
