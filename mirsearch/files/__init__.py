"""Files that several processes share: locks, and files that appear whole or not at all."""
