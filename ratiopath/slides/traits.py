"""Traits of an open file that reading does not depend on: its reader, its encoding, the source of its resolution."""

from dataclasses import dataclass
from enum import Enum
from typing import Self

import openslide
from tifffile import TiffPage

from ratiopath.slides.frame import scanned_bounds
from ratiopath.slides.openslide_reader import OpenSlideReader
from ratiopath.slides.reader import SlideReader
from ratiopath.slides.tiff.aperio import AperioReader
from ratiopath.slides.tiff.reader import TiffReader


@dataclass(frozen=True, slots=True)
class FileTraits:
    """Traits of an image file."""

    reader: str
    """Reader that took it, such as "native TIFF" or "OpenSlide (mirax)"."""
    encoding: str | None
    """Compression, photometric interpretation and pieces of level 0; None if the reader does not tell."""
    mpp_source: str | None
    """Place of the resolution in the file; None if it has none."""
    bounds: tuple[int, int, int, int] | None
    """Left, top, width and height of the scanned bounding box in px of level 0; None if it is the whole image."""

    @property
    def is_jpeg(self) -> bool:
        """True if the file is known to hold JPEG, which changes pixels."""
        return self.reader == "JPEG" or (self.encoding or "").startswith("JPEG,")

    @classmethod
    def of(cls, reader: SlideReader) -> Self:
        """Collect the traits of an open file."""
        has_mpp = reader.pyramid.mpp is not None
        if isinstance(reader, OpenSlideReader):
            properties, extent = reader.properties, reader.pyramid.levels[0].extent
            vendor = properties.get(openslide.PROPERTY_NAME_VENDOR, "unknown")
            source = "openslide.mpp-x and openslide.mpp-y" if has_mpp else None
            return cls(f"OpenSlide ({vendor})", None, source, scanned_bounds(properties, extent))
        if isinstance(reader, TiffReader):
            name = "native Aperio SVS" if isinstance(reader, AperioReader) else "native TIFF"
            return cls(name, _encoding(reader.page), reader.mpp_source if has_mpp else None, None)
        return cls(type(reader).__name__.removesuffix("Reader").upper(), None, None, None)


def _encoding(page: TiffPage) -> str:
    pieces = (
        f"tiles of {page.tilewidth} x {page.tilelength} px" if page.is_tiled else f"strips of {page.rowsperstrip} rows"
    )
    return f"{_named(page.compression)}, {_named(page.photometric)}, {pieces}"


def _named(value: object) -> str:
    """Return the name of a tag's value, or the number if it has no name."""
    return value.name if isinstance(value, Enum) else str(value)
