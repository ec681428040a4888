"""Reading images: one protocol, a file per backend, `open_slide` picks."""

from ratiopath.slides.open import open_slide
from ratiopath.slides.reader import Chunk, SlideReader

__all__ = ["Chunk", "SlideReader", "open_slide"]
