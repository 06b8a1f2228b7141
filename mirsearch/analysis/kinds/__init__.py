"""Tell what kind of picture a panel is, and by which technique it was made."""
