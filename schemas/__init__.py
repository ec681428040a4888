"""Schemas of the tables, a module per table: the only place that knows column names, types and ranges.

This module imports nothing, so that names can be looked up without loading pandera.
"""
