"""Open image files safely, bring their tones to 8 bits, and read pixel sizes from their metadata."""
