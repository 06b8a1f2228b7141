"""The SQLite database of the embedded index: schema, rows, filters, writing."""
