"""Readers of annotation files, a module a format."""
