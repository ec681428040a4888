"""Exact coverage of whole-slide tiles by raster overlays."""
