"""The same raster as real files, in every layout a slide or a mask comes in."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np
import tifffile

MICROMETRES = {
    "INCH": Fraction(25400),
    "CENTIMETER": Fraction(10000),
    "MILLIMETER": Fraction(1000),
    "MICROMETER": Fraction(1),
    "m": Fraction(10**6),
    "cm": Fraction(10**4),
    "mm": Fraction(10**3),
    "µm": Fraction(1),
    "nm": Fraction(1, 10**3),
    "Å": Fraction(1, 10**4),
    "in": Fraction(25400),
}
"""Units of resolution tags (upper case) and of OME-XML, in µm."""


@dataclass(frozen=True, slots=True)
class Raster:
    """The content of a file, as passed to a writer and as reading must return it."""

    levels: tuple[np.ndarray, ...]
    """Finest first, each (rows, columns) or (rows, columns, channels), without alpha."""
    mpp: tuple[float, float]
    """µm per pixel of the finest level, (x, y)."""
    alpha: tuple[np.ndarray, ...] | None = None
    """One (rows, columns) array per level, or None where every pixel exists."""

    @property
    def channels(self) -> int:
        return 1 if self.levels[0].ndim == 2 else self.levels[0].shape[2]

    @property
    def dtype(self) -> np.dtype:
        return self.levels[0].dtype

    def samples(self) -> list[np.ndarray]:
        """The levels with alpha as the last channel."""
        if self.alpha is None:
            return list(self.levels)
        pairs = zip(self.levels, self.alpha, strict=True)
        return [np.dstack([level, opaque]) for level, opaque in pairs]


@dataclass(frozen=True, slots=True)
class Layout:
    """The layout of a raster in a file."""

    container: Literal["tiff", "ome", "ome-cyx", "aperio"] = "tiff"
    """Plain TIFF; OME-TIFF with interleaved channels (YXS); OME-TIFF with one page a channel (CYX); Aperio SVS."""
    pyramid: Literal["pages", "subifds", "none"] = "pages"
    """Place of the lower levels."""
    tile: tuple[int, int] | None = (16, 32)
    """(rows, columns), or None for strips."""
    rows_per_strip: int | None = None
    """None is the whole image in one strip."""
    bigtiff: bool = False
    byteorder: Literal["<", ">"] = "<"
    compression: str | None = None
    lossless_option: tuple[str, object] | None = None
    """The codec's argument that makes it lossless."""
    lossy: bool = False
    predictor: int | None = None
    photometric: Literal["minisblack", "miniswhite", "palette"] = "minisblack"
    """Photometric interpretation of one-channel images; three channels are RGB."""
    separate: bool = False
    """The planes of the channels one after another instead of interleaved."""
    unit: str = "CENTIMETER"
    """Unit of the resolution tags or of OME's PhysicalSize."""
    sparse: bool = False
    """Chunks that hold only zeros are left out of the file (byte count 0)."""

    def fits(self, raster: Raster) -> bool:
        """True if such a raster exists in this layout."""
        kind, channels, has_alpha = raster.dtype.kind, raster.channels, raster.alpha is not None
        return all(
            (
                kind != "b" or channels == 1,
                kind != "b" or self.compression in (None, "packbits", "deflate", "lzw", "zstd"),
                kind != "b" or self.predictor is None,
                not has_alpha or kind == "u",
                self.photometric == "minisblack" or (channels == 1 and not has_alpha),
                self.photometric != "palette" or raster.dtype in (np.uint8, np.uint16),
                not self.separate or channels > 1,
                channels in (1, 3) or (not has_alpha and self.compression not in ("jpeg", "jpegxl", "jpeg2000")),
                self.container != "ome-cyx" or (not has_alpha and channels > 1),
                self.container != "aperio" or (channels == 3 and raster.dtype == np.uint8 and not has_alpha),
                self.predictor != 2 or kind in "iu",
                self.predictor != 3 or kind == "f",
                self.compression != "jpeg" or (raster.dtype == np.uint8 and not has_alpha),
                self.compression != "jpeg2000" or (kind in "iu" and raster.dtype.itemsize <= 2),
                self.compression != "webp" or (raster.dtype == np.uint8 and channels == 3 and not self.separate),
                self.compression != "jpegxl" or raster.dtype in (np.uint8, np.uint16),
            )
        )

    def write(self, path: Path, raster: Raster) -> Raster:
        """Write the file; return the raster that reading it must return."""
        stored = raster if self.pyramid != "none" else _without_lower_levels(raster)
        pixels = stored.samples()
        with tifffile.TiffWriter(path, bigtiff=self.bigtiff, byteorder=self.byteorder, ome=False) as writer:
            if self.container == "aperio":
                self._write_aperio(writer, stored)
            elif self.container == "ome-cyx":
                planes = [[level[:, :, channel] for level in pixels] for channel in range(stored.channels)]
                for number, plane in enumerate(planes):
                    self._write_levels(writer, stored, plane, self._ome_xml(stored) if number == 0 else None)
            else:
                self._write_levels(writer, stored, pixels, self._ome_xml(stored) if self.container == "ome" else None)
        stored = replace(stored, levels=tuple(self._decoded(path, stored))) if self.lossy else stored
        if self.sparse:
            _drop_empty_chunks(path)
        if self.container == "aperio" and self.compression == "jpeg2000":
            _call_jpeg2000_by_its_aperio_number(path)
        return stored

    def _write_levels(
        self, writer: tifffile.TiffWriter, raster: Raster, pixels: list[np.ndarray], description: str | None
    ) -> None:
        below = len(pixels) - 1 if self.pyramid == "subifds" else 0
        for number, level in enumerate(pixels):
            planes = np.moveaxis(level, 2, 0) if self.separate else level
            writer.write(
                planes,
                subfiletype=1 if number else 0,
                subifds=below if number == 0 and below else None,
                description=description.encode() if description and number == 0 else None,
                **self._options(raster, level),
            )

    def _options(self, raster: Raster, level: np.ndarray) -> dict:
        alpha = raster.alpha is not None
        channels = (level.shape[2] - alpha) if level.ndim == 3 else 1
        colours = 3 if channels == 3 else 1
        options = {
            "photometric": "rgb" if colours == 3 else self.photometric,
            "planarconfig": None if level.ndim == 2 else "separate" if self.separate else "contig",
            "extrasamples": ["unspecified"] * (channels - colours) + ["unassalpha"] * alpha or None,
            "tile": self.tile,
            "rowsperstrip": None if self.tile else self.rows_per_strip or level.shape[0],
            "compression": self.compression,
            "compressionargs": dict([self.lossless_option]) if self.lossless_option else None,
            "predictor": self.predictor,
            "metadata": None,
            "software": False,
        }
        if self.photometric == "palette":
            options["colormap"] = np.linspace(65535, 0, 3 * 2 ** (8 * level.itemsize)).astype("u2").reshape(3, -1)
        if self.container == "tiff":
            options["resolutionunit"] = self.unit
            options["resolution"] = tuple(_per_unit(mpp, self.unit) for mpp in raster.mpp)
        return options

    def _ome_xml(self, raster: Raster) -> str:
        kinds = {"b": "bit", "u": f"uint{8 * raster.dtype.itemsize}", "i": f"int{8 * raster.dtype.itemsize}"}
        height, width = raster.levels[0].shape[:2]
        samples = 1 if self.container == "ome-cyx" else raster.channels + (raster.alpha is not None)
        number = raster.channels if self.container == "ome-cyx" else 1
        size_x, size_y = (float(Fraction(str(mpp)) / MICROMETRES[self.unit]) for mpp in raster.mpp)
        channels = "".join(f'<Channel ID="Channel:0:{n}" SamplesPerPixel="{samples}"/>' for n in range(number))
        return (
            '<?xml version="1.0" encoding="UTF-8"?>'
            '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0"><Pixels ID="Pixels:0" '
            f'DimensionOrder="XYCZT" Type="{kinds.get(raster.dtype.kind, "float")}" SizeX="{width}" SizeY="{height}" '
            f'SizeC="{number * samples}" SizeZ="1" SizeT="1" '
            f'PhysicalSizeX="{size_x!r}" PhysicalSizeXUnit="{self.unit}" '
            f'PhysicalSizeY="{size_y!r}" PhysicalSizeYUnit="{self.unit}">'
            f'{channels}<TiffData IFD="0" PlaneCount="{number}"/></Pixels></Image></OME>'
        )

    def _write_aperio(self, writer: tifffile.TiffWriter, raster: Raster) -> None:
        """Level 0, a striped thumbnail, then the other levels: the order of Aperio's own files."""
        height, width = raster.levels[0].shape[:2]
        title = f"Aperio Image Library v11.2.1 \r\n{width}x{height}"
        mpp = f"|AppMag = 20|MPP = {raster.mpp[0]!r}"
        common = {"photometric": "rgb", "metadata": None, "software": False}
        options = self._options(raster, raster.levels[0])
        codec = {name: options[name] for name in ("tile", "compression", "compressionargs")}
        for number, level in enumerate(raster.levels):
            size = f"{title} ({self.tile[1]}x{self.tile[0]}) -> {level.shape[1]}x{level.shape[0]} JPEG/RGB Q=70"
            writer.write(level, description=(f"{title} " if number == 0 else size) + mpp, **codec, **common)
            if number == 0:
                small = np.ascontiguousarray(level[::4, ::4])
                strips = {"compression": "jpeg", "rowsperstrip": 16, **common}
                writer.write(small, description=f"{title} -> thumbnail{mpp}", **strips)

    def _decoded(self, path: Path, raster: Raster) -> Iterator[np.ndarray]:
        with tifffile.TiffFile(path) as tiff:
            pages = [page for page in all_pages(tiff) if self.container != "aperio" or page.is_tiled]
            if self.container == "ome-cyx":
                per_channel = len(raster.levels)
                for number in range(per_channel):
                    yield np.dstack([page.asarray() for page in pages[number::per_channel]])
                return
            for page in pages:
                image = page.asarray()
                yield np.moveaxis(image, 0, 2) if self.separate else image


def all_pages(tiff: tifffile.TiffFile) -> list[tifffile.TiffPage]:
    """Each page, followed by its sub-IFDs."""
    return [page for top in tiff.pages for page in (top, *(top.pages or ()))]


def _without_lower_levels(raster: Raster) -> Raster:
    return replace(raster, levels=raster.levels[:1], alpha=raster.alpha and raster.alpha[:1])


def _per_unit(mpp: float, unit: str) -> tuple[int, int]:
    return (MICROMETRES[unit] / Fraction(str(mpp))).as_integer_ratio()


def _drop_empty_chunks(path: Path) -> None:
    """Chunks of zeros get offset 0 and byte count 0, as GDAL writes them; their bytes stay behind, unused."""
    with tifffile.TiffFile(path, mode="r+") as tiff:
        for page in all_pages(tiff):
            kept = [bool(np.any(chunk)) for chunk, _, _ in page.segments()]
            kind = "Tile" if page.is_tiled else "Strip"
            for name in (f"{kind}Offsets", f"{kind}ByteCounts"):
                tag = page.tags[name]
                tag.overwrite([value if keep else 0 for value, keep in zip(tag.value, kept, strict=True)])


def _call_jpeg2000_by_its_aperio_number(path: Path) -> None:
    """33005 instead of 34712: OpenSlide decodes no other."""
    with tifffile.TiffFile(path, mode="r+") as tiff:
        for page in tiff.pages:
            if page.is_tiled:
                page.tags["Compression"].overwrite(33005)


LAYOUTS: dict[str, Layout] = {
    "tiles": Layout(),
    "tiles-subifds": Layout(pyramid="subifds"),
    "tiles-one-level": Layout(pyramid="none"),
    "strips-of-1": Layout(tile=None, rows_per_strip=1),
    "strips-of-7": Layout(tile=None, rows_per_strip=7, compression="deflate"),
    "strip-whole": Layout(tile=None, pyramid="subifds", compression="lzw"),
    "strip-whole-one-level": Layout(tile=None, pyramid="none"),
    "bigtiff": Layout(bigtiff=True, compression="deflate"),
    "bigtiff-subifds-big-endian": Layout(bigtiff=True, pyramid="subifds", byteorder=">"),
    "big-endian": Layout(byteorder=">"),
    "big-endian-strips-lzw": Layout(byteorder=">", tile=None, rows_per_strip=5, compression="lzw"),
    "deflate": Layout(compression="deflate"),
    "lzw": Layout(compression="lzw"),
    "zstd": Layout(compression="zstd"),
    "packbits": Layout(compression="packbits"),
    "jpeg": Layout(compression="jpeg", lossy=True),
    "jpeg-strips": Layout(compression="jpeg", lossy=True, tile=None, rows_per_strip=16, pyramid="subifds"),
    "jpeg2000": Layout(compression="jpeg2000", lossless_option=("level", 0)),
    "webp": Layout(compression="webp", lossless_option=("lossless", True)),
    "lerc": Layout(compression="lerc", lossless_option=("level", 0.0)),
    "jpegxl": Layout(compression="jpegxl", lossless_option=("lossless", True)),
    "predictor-deflate": Layout(compression="deflate", predictor=2),
    "predictor-lzw-big-endian-strips": Layout(
        compression="lzw", predictor=2, byteorder=">", tile=None, rows_per_strip=6
    ),
    "predictor-float": Layout(compression="zstd", predictor=3),
    "predictor-float-big-endian": Layout(compression="deflate", predictor=3, byteorder=">", pyramid="subifds"),
    "palette": Layout(photometric="palette", compression="lzw"),
    "palette-strips": Layout(photometric="palette", tile=None, rows_per_strip=4, pyramid="none"),
    "white-is-zero": Layout(photometric="miniswhite", compression="packbits"),
    "sparse": Layout(sparse=True, compression="deflate"),
    "sparse-uncompressed-bigtiff": Layout(sparse=True, bigtiff=True, pyramid="subifds"),
    "sparse-strips": Layout(sparse=True, tile=None, rows_per_strip=8, compression="zstd"),
    "planes": Layout(separate=True, compression="deflate"),
    "planes-strips": Layout(separate=True, tile=None, rows_per_strip=9, pyramid="subifds"),
    "inch": Layout(unit="INCH"),
    "millimetre": Layout(unit="MILLIMETER", pyramid="subifds"),
    "micrometre": Layout(unit="MICROMETER", pyramid="none"),
    "ome": Layout(container="ome", pyramid="subifds", compression="deflate", unit="µm"),
    "ome-one-level-nm": Layout(container="ome", pyramid="none", tile=None, rows_per_strip=10, unit="nm"),
    "ome-pages-mm": Layout(container="ome", pyramid="pages", compression="zstd", unit="mm"),
    "ome-big-endian-cm": Layout(container="ome", pyramid="subifds", byteorder=">", bigtiff=True, unit="cm"),
    "ome-metre": Layout(container="ome", pyramid="subifds", compression="lzw", unit="m"),
    "ome-inch": Layout(container="ome", pyramid="none", unit="in"),
    "ome-angstrom": Layout(container="ome", pyramid="none", unit="Å"),
    "ome-planes": Layout(container="ome", pyramid="subifds", separate=True, compression="lzw", unit="µm"),
    "ome-channel-pages": Layout(container="ome-cyx", pyramid="subifds", compression="deflate", unit="µm"),
    "ome-channel-pages-one-level": Layout(container="ome-cyx", pyramid="none", tile=None, rows_per_strip=3, unit="nm"),
    "ome-jpeg": Layout(container="ome", pyramid="subifds", compression="jpeg", lossy=True, unit="µm"),
    "aperio": Layout(container="aperio", compression="jpeg", lossy=True, tile=(32, 32)),
    "aperio-jpeg2000": Layout(container="aperio", compression="jpeg2000", lossless_option=("level", 0), tile=(32, 32)),
}
"""Every layout by its name; `fits` says which rasters a layout can hold."""
