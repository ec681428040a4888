"""Reading images: one protocol, a file per backend, `open_slide` picks."""

from ratiopath.slides.open import open_slide
from ratiopath.slides.reader import Chunk, SlideReader
from ratiopath.slides.thumbnail import scanner_thumbnail

__all__ = ["Chunk", "SlideReader", "open_slide", "scanner_thumbnail"]
