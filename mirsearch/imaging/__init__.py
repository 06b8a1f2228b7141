"""Open image files safely, bring their tones to 8 bits, read pixel sizes from their metadata."""
