"""Formats of other programs, a module each."""
