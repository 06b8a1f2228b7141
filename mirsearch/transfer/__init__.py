"""Moves whole indexes: copies, merges, backups, other places of files, datasets for learning."""
