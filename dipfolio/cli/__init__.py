"""The command line: arguments to calls, nothing else. The only place that imports click."""

from dipfolio.cli.app import main

__all__ = ["main"]
