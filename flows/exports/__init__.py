"""Exports of finished tables to the formats of other programs, a module per format."""
