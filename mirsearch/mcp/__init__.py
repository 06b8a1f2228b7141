"""Tools for assistants over the Model Context Protocol: they search and show, and write nothing."""
