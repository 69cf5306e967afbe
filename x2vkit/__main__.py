"""`python -m x2vkit`: the command line."""

from x2vkit.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
