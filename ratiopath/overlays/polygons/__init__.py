"""Polygons of annotations in tiles: their meaning, exact areas, pieces and pixels."""
