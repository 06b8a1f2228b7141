"""Run the console script with `python -m mirsearch`."""

from mirsearch.cli import main

if __name__ == "__main__":
    main()
