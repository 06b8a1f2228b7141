"""Files that are analyzed by workers elsewhere: what is sent, what a worker does with it, and what is taken back."""
