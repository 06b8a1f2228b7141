"""Cut figures into panels."""
