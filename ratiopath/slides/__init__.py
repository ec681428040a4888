"""Readers of image files behind one protocol.

open_slide         opens a file with the reader for its content
SlideReader        the protocol: levels, and chunks of them
Chunk              one decoded piece of a level
ArrayReader        an image in memory
scanner_thumbnail  the small picture of the whole slide that scanners store
"""

from ratiopath.slides.array import ArrayReader
from ratiopath.slides.open import open_slide
from ratiopath.slides.reader import Chunk, SlideReader
from ratiopath.slides.thumbnail import scanner_thumbnail

__all__ = ["ArrayReader", "Chunk", "SlideReader", "open_slide", "scanner_thumbnail"]
