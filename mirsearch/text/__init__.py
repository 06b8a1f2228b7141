"""Text processing: tokens and stems of words, and lengths."""
