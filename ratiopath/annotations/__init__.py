"""Annotations: polygons with labels, from the files that pathologists draw.

is_annotation       recognises a file that `read_outlines` is for
read_outlines       parses a file of any supported format
Outlines            the outlines of a file, as drawn
Annotations         the valid polygons of a file in pixels of level 0
ReadOptions         options of reading
"""

from ratiopath.annotations.annotations import Annotations
from ratiopath.annotations.outlines import Outlines, ReadOptions
from ratiopath.annotations.read import is_annotation, read_outlines

__all__ = ["Annotations", "Outlines", "ReadOptions", "is_annotation", "read_outlines"]
