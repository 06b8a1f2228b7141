"""Drawn specimens: the families by name, and the modules that draw them."""
