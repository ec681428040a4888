"""Overlays of a slide behind one protocol."""
