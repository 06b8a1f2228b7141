"""`python -m mirsearch` is the console script."""

from mirsearch.cli import main

if __name__ == "__main__":
    main()
