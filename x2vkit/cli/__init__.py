"""The command `x2vkit`."""

from x2vkit.cli.commands import main

__all__ = ["main"]
