"""The matrix of vectors beside the database, and exact scans over it."""
