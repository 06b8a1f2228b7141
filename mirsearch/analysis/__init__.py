"""What a figure says: panels, captions, scale bars, text, kind."""
