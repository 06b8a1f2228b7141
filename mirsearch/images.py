"""Image files, read safely: one decode a page, always RGB."""
