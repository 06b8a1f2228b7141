"""Split captions into the parts that speak of single panels, and read the lengths that captions give."""
