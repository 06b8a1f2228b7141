"""Contact sheet, tables and overlay pictures."""
