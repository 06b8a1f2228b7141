"""Where panels live."""
