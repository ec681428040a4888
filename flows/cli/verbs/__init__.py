"""Verbs of the command line, a module each: a door of a few lines over functions that do the work."""

from flows.cli.verbs.dispatch import run

__all__ = ["run"]
