"""The embedded index: an SQLite database with a matrix of vectors and a file of words beside it."""
