"""Find the letters of panels, and assign each to its panel."""
