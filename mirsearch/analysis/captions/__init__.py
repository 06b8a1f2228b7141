"""Split captions into the parts of panels, and read the lengths they tell."""
