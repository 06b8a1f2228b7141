"""Models that were trained or exported here: versioned files with a card, and the folder they are installed in."""

SUFFIX = ".mirmodel"
"""End of the names of model files."""
