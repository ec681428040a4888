"""A tiny slide of Leica's layout, the smallest file for which OpenSlide tells a scanned bounding box.

A BigTIFF whose first description, XML, places images on the glass: a macro image of the whole, in directory 0,
and an area that was scanned, in two levels. The slide is as large as the glass; pixels outside of the area do not
exist.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import tifffile

EXTENT = (400, 344)
"""Width and height of level 0 in px."""
BOX = (280, 277, 64, 48)
"""Left, top, width and height of the scanned area in px of level 0: odd, no multiple of a tile, beyond 256 px."""
DOWNSAMPLE = 4
"""Pixels of level 0 per pixel of level 1."""
MPP = 0.5
"""Resolution of level 0 in µm/px."""
COLOUR = (200, 120, 160)
"""Red, green and blue of the scanned area, up to the rounding of JPEG."""
_UNIT = 1000
"""Length of a pixel in the description: only ratios count, the resolution is that of the tags."""
_XML = """<?xml version="1.0"?>
<scn xmlns="http://www.leica-microsystems.com/scn/2010/10/01"><collection {collection}>{macro}{area}</collection></scn>
"""
_IMAGE = """<image><pixels>{dimensions}</pixels><view {size} offsetX="{x}" offsetY="{y}"/><scanSettings>
<objectiveSettings><objective>20</objective></objectiveSettings><illuminationSettings>
<illuminationSource>brightfield</illuminationSource></illuminationSettings></scanSettings></image>"""


def write_leica_slide(path: Path, mpp: float = MPP) -> Path:
    """Write a slide of EXTENT whose BOX was scanned, in one colour."""
    left, top, width, height = BOX
    levels = [(width, height), (width // DOWNSAMPLE, height // DOWNSAMPLE)]
    macro = EXTENT[0] // 8, EXTENT[1] // 8
    description = _XML.format(
        collection=_size(*EXTENT),
        macro=_image([macro], 0, EXTENT, (0, 0)),
        area=_image(levels, 1, (width, height), (left, top)),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with tifffile.TiffWriter(path, bigtiff=True) as tiff:
        _write(tiff, macro, 8 * mpp, description)
        _write(tiff, levels[0], mpp)
        _write(tiff, levels[1], DOWNSAMPLE * mpp)
    return path


def _image(levels: list[tuple[int, int]], ifd: int, extent: tuple[int, int], offset: tuple[int, int]) -> str:
    dimensions = "".join(
        f'<dimension sizeX="{width}" sizeY="{height}" r="{index}" ifd="{ifd + index}"/>'
        for index, (width, height) in enumerate(levels)
    )
    return _IMAGE.format(dimensions=dimensions, size=_size(*extent), x=offset[0] * _UNIT, y=offset[1] * _UNIT)


def _size(width: int, height: int) -> str:
    return f'sizeX="{width * _UNIT}" sizeY="{height * _UNIT}"'


def _write(tiff: tifffile.TiffWriter, size: tuple[int, int], mpp: float, description: str | None = None) -> None:
    width, height = size
    pixels: npt.NDArray[np.uint8] = np.full((height, width, 3), COLOUR, np.uint8)
    per_cm = 10_000 / mpp
    tiff.write(
        pixels,
        tile=(16, 16),
        photometric="rgb",
        compression="jpeg",
        resolution=(per_cm, per_cm),
        resolutionunit="CENTIMETER",
        description=description,
        metadata=None,
    )
