"""Show results to people: tables in a terminal, the HTML page, CSV, overlay pictures and contact sheets."""
