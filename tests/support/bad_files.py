"""Files that no reader accepts: cut, corrupt, mislabelled, without resolution, or of another format."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tifffile

from tests.support import handmade
from tests.support.layouts import LAYOUTS, Layout, Raster

Maker = Callable[[Path], object]
"""Writes one bad file."""

CENTIMETRE = {"resolution": (20_000, 20_000), "resolutionunit": "CENTIMETER", "metadata": None}
"""Options of `tifffile.imwrite` for 0.5 µm/px."""
OME = Layout(container="ome", pyramid="none", unit="nm")
SVS, SVS_2000 = LAYOUTS["aperio"], LAYOUTS["aperio-jpeg2000"]


def level(channels: int = 1) -> np.ndarray:
    shape = (40, 50) if channels == 1 else (40, 50, channels)
    return np.random.default_rng(0).integers(0, 3, shape).astype(np.uint8)


def cut(layout: str, share: float) -> Maker:
    """Write the first part of a file."""

    def make(path: Path) -> None:
        LAYOUTS[layout].write(path, Raster((level(3).repeat(4, 0).repeat(4, 1),), (0.5, 0.5)))
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])

    return make


def without_its_last_level(path: Path) -> None:
    """Write a file whose first level is whole; the directory of the second one lies beyond the end."""
    LAYOUTS["tiles"].write(path, Raster((level(3), level(3)[::2, ::2]), (0.5, 0.5)))
    with tifffile.TiffFile(path) as tiff:
        end = tiff.pages[1].offset
    path.write_bytes(path.read_bytes()[:end])


def plain(**options: object) -> Maker:
    return lambda path: tifffile.imwrite(path, level(), metadata=None, **options)


def retagged(pixels: np.ndarray | None = None, *, options: dict | None = None, **tags: object) -> Maker:
    """Write a TIFF of 16 x 16 px tiles and overwrite tags of its page."""

    def make(path: Path) -> None:
        image = level() if pixels is None else pixels
        tifffile.imwrite(
            path, image, **{"photometric": "minisblack", "tile": (16, 16), **CENTIMETRE, **(options or {})}
        )
        with tifffile.TiffFile(path, mode="r+") as tiff:
            for name, value in tags.items():
                tiff.pages[0].tags[name].overwrite(value)

    return make


def described(layout: Layout, was: str, becomes: str, channels: int = 1) -> Maker:
    """Write a file and replace a part of its description."""

    def make(path: Path) -> None:
        layout.write(path, Raster((level(channels),), (0.5, 0.5)))
        with tifffile.TiffFile(path, mode="r+") as tiff:
            tag = tiff.pages[0].tags["ImageDescription"]
            assert was in tag.value
            tag.overwrite(tag.value.replace(was, becomes).encode())

    return make


def corrupt(layout: str) -> Maker:
    """Write a file and overwrite the first bytes of its pixels."""

    def make(path: Path) -> None:
        LAYOUTS[layout].write(path, Raster((level(3),), (0.5, 0.5)))
        with tifffile.TiffFile(path) as tiff:
            start = tiff.pages[0].dataoffsets[0]
        with path.open("r+b") as file:
            file.seek(start)
            file.write(b"\xff" * 40)

    return make


def unplaced(path: Path) -> None:
    """Write a tile that has a size and no place."""
    retagged()(path)
    with tifffile.TiffFile(path, mode="r+b") as tiff:
        offsets = tiff.pages[0].tags["TileOffsets"]
        offsets.overwrite((0, *offsets.value[1:]))


def ome_stack(path: Path) -> None:
    sizes = {"PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5}
    volume = np.zeros((3, 40, 50), np.uint8)
    tifffile.imwrite(path, volume, ome=True, photometric="minisblack", metadata={"axes": "ZYX", **sizes})


def plain_stack(path: Path) -> None:
    tifffile.imwrite(path, np.zeros((5, 64, 64), np.uint8), photometric="minisblack", metadata=None)


def two_reduced_images(path: Path) -> None:
    """Write an image and two others of half its size."""
    half = handmade.page_of(level()[::2, ::2], 1)
    handmade.write(path, handmade.page_of(level()), half, half)


def ome_of_two_channels(planes: str, uuid: str = "") -> str:
    """OME-XML of 32 x 32 px and two channels."""
    pixels = 'ID="Pixels:0" DimensionOrder="XYCZT" Type="uint8" SizeX="32" SizeY="32" SizeC="2" SizeZ="1" SizeT="1"'
    channels = '<Channel ID="Channel:0:0"/><Channel ID="Channel:0:1"/>'
    image = f'<Image ID="Image:0"><Pixels {pixels}>{channels}{planes}</Pixels></Image>'
    return f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"{uuid}>{image}</OME>'


def ome_without_a_plane(path: Path) -> None:
    description = ome_of_two_channels('<TiffData IFD="0" FirstC="0" PlaneCount="1"/>')
    tifffile.imwrite(path, np.zeros((32, 32), np.uint8), description=description, metadata=None)


def ome_in_two_files(path: Path) -> None:
    """Write an OME-TIFF whose second channel lies in a companion file."""
    names = (path.name, f"companion_of_{path.name}")
    planes = "".join(
        f'<TiffData FirstC="{n}" PlaneCount="1"><UUID FileName="{name}">urn:uuid:{n}</UUID></TiffData>'
        for n, name in enumerate(names)
    )
    for number, name in enumerate(names):
        description = ome_of_two_channels(planes, f' UUID="urn:uuid:{number}"')
        plane = np.full((32, 32), number, np.uint8)
        tifffile.imwrite(path.with_name(name), plane, description=description, metadata=None)


def ome_of_two_sizes(path: Path) -> None:
    """Write an OME-TIFF whose second channel is smaller."""
    planes = "".join(f'<TiffData IFD="{n}" FirstC="{n}" PlaneCount="1"/>' for n in (0, 1))
    description = (handmade.ASCII, ome_of_two_channels(planes).encode() + b"\0")
    first = handmade.page_of(np.zeros((32, 32), np.uint8), t270=description)
    handmade.write(path, first, handmade.page_of(np.zeros((30, 32), np.uint8)))


def stream(compression: int, data: bytes, bits: int = 8) -> Maker:
    """Write a page of 16 x 16 px of one stream."""
    tags = {handmade.COMPRESSION: (handmade.SHORT, [compression]), handmade.BITS: (handmade.SHORT, [bits])}
    return lambda path: handmade.write(path, handmade.Page([data], (16, 16), tags))


def emptied(path: Path) -> None:
    """Write a tile that has a place and no size."""
    retagged()(path)
    with tifffile.TiffFile(path, mode="r+b") as tiff:
        counts = tiff.pages[0].tags["TileByteCounts"]
        counts.overwrite((0, *counts.value[1:]))


def mirax_without_data(path: Path) -> None:
    """Write a `.mrxs` whose index names no image."""
    path.touch()
    path.with_suffix("").mkdir()
    path.with_suffix("").joinpath("Slidedat.ini").write_text("[GENERAL]\nSLIDE_ID=1\n", encoding="ascii")


def continuous(path: Path, values: int = 65_537) -> None:
    """Write a float image with a number of distinct values and no lower level."""
    side = math.isqrt(values - 1) + 1
    numbers = np.arange(side * side, dtype=np.int64) % values
    pixels = np.random.default_rng(0).permutation(numbers).reshape(side, side).astype(np.float32)
    Layout(pyramid="none", compression="deflate").write(path, Raster((pixels,), (0.5, 0.5)))
