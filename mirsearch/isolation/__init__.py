"""Foreign articles are read in processes of their own, whose time and memory are limited."""
