"""TIFFs as GDAL, libvips, tifffile and Pillow write them, and what the same libraries read back."""

import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pyvips
import rasterio
import tifffile
from PIL import Image
from rasterio.enums import ColorInterp

SIZE = (150, 201)
"""(rows, columns): no multiple of a tile or a strip."""
MPP_TAGS = {"resolution": (20_000, 20_000), "resolutionunit": "CENTIMETER"}
LOSSY_TOLERANCE = 2
"""Largest difference of two decoders of one lossy stream."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """One way of one library to write a file."""

    name: str
    write: Callable[[Path], None]
    is_lossy: bool = False


@cache
def pixels(dtype: str, samples: int, bits: int | None = None) -> np.ndarray:
    """Areas of one value with a speckle, the right upper quarter zero; shape (rows, columns, samples)."""
    random = np.random.default_rng(7)
    kind = np.dtype(dtype)
    is_signed = kind.kind in "if" and not bits
    least, most = (-100, 100) if is_signed else (0, (1 << (bits or min(8 * kind.itemsize, 20))) - 1)
    areas = random.integers(least, most, (SIZE[0] // 10 + 1, SIZE[1] // 10 + 1, samples), endpoint=True)
    image = areas.repeat(10, 0).repeat(10, 1)[: SIZE[0], : SIZE[1]]
    speckle = random.random(SIZE) < 0.02
    image[speckle] = random.integers(least, most, (int(speckle.sum()), samples), endpoint=True)
    image[: SIZE[0] // 2, SIZE[1] // 2 :] = 0
    return image.astype(kind)


def opaque(dtype: str) -> np.ndarray:
    """An alpha channel: nothing or everything."""
    most = 1 if np.dtype(dtype).kind == "f" else np.iinfo(dtype).max
    return np.where(pixels("uint8", 1)[..., 0] % 3 > 0, most, 0).astype(dtype)


def _gdal(path: Path, *, dtype: str, samples: int, **options: Any) -> None:
    alpha, mask, levels = (options.pop(name, None) for name in ("alpha", "mask", "levels"))
    colours, bits, driver = options.pop("colours", None), options.get("nbits"), options.pop("driver", "GTiff")
    image = pixels(dtype, samples, bits)
    if alpha:
        image = np.dstack([image, opaque(dtype)])
    profile = {
        "driver": driver,
        "width": SIZE[1],
        "height": SIZE[0],
        "count": image.shape[2],
        "dtype": dtype,
        **options,
    }
    if alpha:
        profile["alpha"] = "unspecified" if alpha == "unspecified" else "yes"
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True, GDAL_NUM_THREADS=1), rasterio.open(path, "w", **profile) as file:
        file.write(np.moveaxis(image, 2, 0))
        if colours:
            file.write_colormap(1, {value: (value, 255 - value, 0, 255) for value in range(256)})
            file.colorinterp = [ColorInterp.palette]
        if mask:
            file.write_mask(opaque("uint8"))
    if levels:
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "r+") as file:
            file.build_overviews(levels, rasterio.enums.Resampling.nearest)


_GDAL_LAYOUTS: dict[str, dict[str, Any]] = {
    "tiles": {"tiled": True, "blockxsize": 64, "blockysize": 32},
    "strips": {"blockysize": 7},
}
_GDAL_VARIANTS: tuple[tuple[int, int, dict[str, Any]], ...] = (
    (3, 0, {"interleave": "band"}),
    (5, 0, {"endianness": "big"}),
    (7, 0, {"bigtiff": "yes"}),
    (4, 0, {"levels": [2, 4]}),
    (4, 2, {"mask": True}),
    (6, 3, {"sparse_ok": True, "nodata": 7}),
)
"""Options of every nth file, beginning at one."""


def _gdal_codecs() -> Iterator[Dialect]:
    codecs = ("none", "lzw", "deflate", "zstd", "packbits", "lzma", "lerc", "lerc_zstd", "lerc_deflate")
    kinds = (("uint8", 1), ("uint16", 1), ("int16", 3), ("float32", 1), ("uint8", 3), ("int32", 1), ("float64", 2))
    for number, (codec, layout, (dtype, samples)) in enumerate(itertools.product(codecs, _GDAL_LAYOUTS, kinds)):
        options: dict[str, Any] = {"compress": codec, "interleave": "pixel"} | _GDAL_LAYOUTS[layout]
        for every, first, more in _GDAL_VARIANTS:
            options |= more if number % every == first else {}
        if codec in ("lzw", "deflate", "zstd") and number % 2:
            options["predictor"] = 3 if dtype.startswith("float") else 2
        if number % 4 == 1 and dtype in ("uint8", "uint16"):
            options["alpha"] = True
        yield _of_gdal(f"{codec}-{layout}-{number}", dtype=dtype, samples=samples, **options)


def _gdal_bits() -> Iterator[Dialect]:
    for bits, codec in itertools.product((1, 2, 4), ("none", "lzw", "deflate", "packbits")):
        yield _of_gdal(f"bits{bits}-{codec}", dtype="uint8", samples=1, nbits=bits, compress=codec, levels=[2])
    yield _of_gdal("bits12-deflate", dtype="uint16", samples=1, nbits=12, compress="deflate")
    fax = ("ccittrle", "ccittfax3", "ccittfax4")
    for codec, layout, photometric in itertools.product(fax, _GDAL_LAYOUTS, ("minisblack", "miniswhite")):
        options = _GDAL_LAYOUTS[layout] | {"compress": codec, "photometric": photometric}
        yield _of_gdal(f"{codec}-{layout}-{photometric}", dtype="uint8", samples=1, nbits=1, **options)


def _gdal_images() -> Iterator[Dialect]:
    """Files of JPEG and WebP."""
    beside = {"rgb": {"alpha": True}, "ycbcr": {"mask": True, "levels": [2]}}
    for photometric, layout, has_more in itertools.product(beside, _GDAL_LAYOUTS, (False, True)):
        options = _GDAL_LAYOUTS[layout] | {"compress": "jpeg", "photometric": photometric, "interleave": "pixel"}
        options |= (beside[photometric] if has_more else {}) | ({"blockysize": 16} if layout == "strips" else {})
        yield _of_gdal(f"jpeg-{photometric}-{layout}-{has_more}", True, dtype="uint8", samples=3, **options)
    for samples, interleave in ((1, "pixel"), (3, "band")):
        options = _GDAL_LAYOUTS["tiles"] | {"compress": "jpeg", "interleave": interleave}
        yield _of_gdal(f"jpeg-{samples}-{interleave}", True, dtype="uint8", samples=samples, **options)
    for alpha in (False, True):
        options = _GDAL_LAYOUTS["tiles"] | {"compress": "webp", "webp_lossless": True, "alpha": alpha}
        yield _of_gdal(f"webp-{alpha}", dtype="uint8", samples=3, **options)


def _gdal_colours() -> Iterator[Dialect]:
    for codec, layout in itertools.product(("none", "deflate", "lzw"), _GDAL_LAYOUTS):
        yield _of_gdal(f"palette-{codec}-{layout}", dtype="uint8", samples=1, colours=True, compress=codec)
        options = _GDAL_LAYOUTS[layout] | {"photometric": "miniswhite", "compress": codec}
        yield _of_gdal(f"white-{codec}-{layout}", dtype="uint8", samples=1, **options)
    yield _of_gdal("cmyk", dtype="uint8", samples=4, photometric="cmyk", compress="lzw")


def _gdal_cogs() -> Iterator[Dialect]:
    for codec, options in itertools.product(
        ("deflate", "lzw", "zstd", "lerc"), ({}, {"mask": True}, {"nodata": 7}, {"bigtiff": "yes"})
    ):
        more = {"driver": "COG", "compress": codec, "blocksize": 128, "overview_resampling": "nearest"} | options
        yield _of_gdal(f"cog-{codec}-{'-'.join(options)}", dtype="uint8", samples=1, **more)


def _of_gdal(name: str, is_lossy: bool = False, **options: Any) -> Dialect:
    return Dialect(f"gdal-{name}", lambda path: _gdal(path, **options), is_lossy)


def _vips(path: Path, image: np.ndarray, **options: Any) -> None:
    image = pyvips.Image.new_from_array(image.copy())
    if options.pop("bilevel", False):
        image = (image > 0).ifthenelse(255, 0).cast("uchar")
    image.tiffsave(str(path), xres=20, yres=20, **options)


def _vips_dialects() -> Iterator[Dialect]:
    layouts: dict[str, dict[str, Any]] = {
        "strips": {},
        "tiles": {"tile": True, "tile_width": 64, "tile_height": 32},
        "pyramid": {"tile": True, "tile_width": 64, "tile_height": 64, "pyramid": True, "region_shrink": "nearest"},
        "subifds": {"tile": True, "tile_width": 64, "tile_height": 64, "pyramid": True, "subifd": True},
    }
    kinds = (("uint8", 1), ("uint8", 3), ("uint16", 1), ("float32", 1), ("uint8", 4))
    codecs = ("none", "deflate", "lzw", "packbits")
    for number, (codec, layout, (dtype, samples)) in enumerate(itertools.product(codecs, layouts, kinds)):
        options = layouts[layout] | {"compression": codec, "bigtiff": number % 3 == 0}
        if codec in ("deflate", "lzw"):
            options["predictor"] = "none" if number % 2 else "float" if dtype == "float32" else "horizontal"
        yield _of_vips(f"{codec}-{layout}-{dtype}x{samples}", dtype, samples, **options)
    for bits, layout, white in itertools.product((1, 2, 4), ("strips", "tiles"), (False, True)):
        options = layouts[layout] | {"bitdepth": bits, "miniswhite": white}
        yield _of_vips(f"bits{bits}-{layout}-{white}", "uint8", 1, **options)
    for layout in ("strips", "tiles"):
        options = layouts[layout] | {"bitdepth": 1, "compression": "ccittfax4", "bilevel": True}
        yield _of_vips(f"ccittfax4-{layout}", "uint8", 1, **options)
        for samples, quality in itertools.product((1, 3), (60, 95)):
            options = layouts[layout] | {"compression": "jpeg", "Q": quality}
            yield _of_vips(f"jpeg-{layout}-{samples}-{quality}", "uint8", samples, True, **options)
        options = layouts[layout] | {"compression": "webp", "lossless": True}
        yield _of_vips(f"webp-{layout}", "uint8", 3, **options)
    yield _of_vips("jpeg-pyramid", "uint8", 3, True, **layouts["pyramid"], compression="jpeg")


def _of_vips(name: str, dtype: str, samples: int, is_lossy: bool = False, **options: Any) -> Dialect:
    return Dialect(f"vips-{name}", lambda path: _vips(path, pixels(dtype, samples), **options), is_lossy)


def _tifffile_dialects() -> Iterator[Dialect]:
    for number, (codec, dtype, samples) in enumerate(
        itertools.product(
            (None, "lzw", "deflate", "zstd", "packbits", "lzma"), ("uint8", "uint16", "int8", "float32"), (1, 3)
        )
    ):
        options: dict[str, Any] = {"compression": codec, "byteorder": "><"[number % 2], "bigtiff": number % 3 == 0}
        options |= {"tile": (48, 64)} if number % 2 else {"rowsperstrip": 11}
        if codec in ("lzw", "deflate", "zstd") and number % 4 > 1:
            options["predictor"] = 3 if dtype == "float32" else 2
        if samples > 1:
            options["planarconfig"] = "separate" if number % 5 < 2 else "contig"
            options["photometric"] = "rgb" if dtype in ("uint8", "uint16") else "minisblack"
        else:
            options["photometric"] = "miniswhite" if number % 6 == 0 else "minisblack"
        yield _of_tifffile(f"{codec}-{dtype}x{samples}", dtype, samples, **options)
    for container in ("ome", "imagej", "shaped"):
        options = {"ome": container == "ome", "imagej": container == "imagej", "photometric": "minisblack"}
        yield _of_tifffile(container, "uint16", 1, **options)


def _of_tifffile(name: str, dtype: str, samples: int, **options: Any) -> Dialect:
    def write(path: Path) -> None:
        image = pixels(dtype, samples)
        if options.get("planarconfig") == "separate":
            image = np.moveaxis(image, 2, 0)
        tifffile.imwrite(path, image[..., 0] if samples == 1 else image, **options, **MPP_TAGS)

    return Dialect(f"tifffile-{name}", write)


def _pillow_dialects() -> Iterator[Dialect]:
    modes = {"L": 1, "P": 1, "LA": 2, "RGB": 3, "RGBA": 4, "CMYK": 4, "YCbCr": 3, "LAB": 3}
    for mode, codec in itertools.product(modes, ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "zstd", "lzma")):
        if (mode, codec) not in {("LAB", "lzma"), ("YCbCr", "lzma"), ("LAB", "zstd"), ("YCbCr", "zstd")}:
            yield _of_pillow(mode, codec, pixels("uint8", modes[mode]))
    for codec in ("raw", "group3", "group4", "tiff_ccitt", "packbits", "tiff_lzw"):
        yield _of_pillow("1", codec, pixels("uint8", 1, 1))
    for mode, dtype in (("I;16", "uint16"), ("F", "float32"), ("I", "int32")):
        for codec in ("raw", "tiff_lzw", "tiff_adobe_deflate"):
            yield _of_pillow(mode, codec, pixels(dtype, 1))
    for mode in ("L", "RGB"):
        yield _of_pillow(mode, "jpeg", pixels("uint8", modes[mode]), True)


def _of_pillow(mode: str, codec: str, image: np.ndarray, is_lossy: bool = False) -> Dialect:
    def write(path: Path) -> None:
        if mode == "1":
            picture = Image.fromarray(image[..., 0] * np.uint8(255)).convert("1", dither=Image.Dither.NONE)
        elif image.shape[2] == 1 and mode != "P":
            picture = Image.fromarray(image[..., 0])
        else:
            size = (image.shape[1], image.shape[0])
            picture = Image.frombytes(mode, size, image.tobytes())
        if mode == "P":
            picture.putpalette([value for index in range(256) for value in (index, 255 - index, 7)])
        picture.save(path, format="TIFF", compression=codec, dpi=(50800, 50800))

    return Dialect(f"pillow-{mode}-{codec}", write, is_lossy)


DIALECTS = tuple(
    itertools.chain(
        *(_gdal_codecs(), _gdal_bits(), _gdal_images(), _gdal_colours(), _gdal_cogs()),
        *(_vips_dialects(), _tifffile_dialects(), _pillow_dialects()),
    )
)
"""Every way to write a file."""


def readings(path: Path) -> dict[str, np.ndarray]:
    """Level 0 as each library reads it that can, each (rows, columns, samples)."""
    found = {}
    for name, read in _READERS.items():
        try:
            found[name] = read(os.fspath(path))
        except Exception:  # noqa: BLE001, S112 - a library that cannot read a file has no say
            continue
    return {name: image[..., None] if image.ndim == 2 else image for name, image in found.items()}


def gdal_levels(path: Path) -> list[np.ndarray]:
    """Every level as GDAL reads it, finest first."""
    with rasterio.open(path) as file:
        count = len(file.overviews(1))
    levels = [_read_gdal(os.fspath(path))]
    for level in range(count):
        with rasterio.open(path, overview_level=level) as file:
            levels.append(np.moveaxis(file.read(), 0, 2))
    return levels


def gdal_exists(path: Path) -> np.ndarray:
    """Pixels that an internal mask or alpha leaves in."""
    with rasterio.open(path) as file:
        if ColorInterp.alpha in file.colorinterp:
            return file.read(1 + file.colorinterp.index(ColorInterp.alpha)) > 0
        if rasterio.enums.MaskFlags.nodata in file.mask_flag_enums[0]:
            return np.ones((file.height, file.width), bool)
        return file.read_masks(1) > 0


def _read_gdal(path: str) -> np.ndarray:
    with rasterio.open(path) as file:
        return np.moveaxis(file.read(), 0, 2)


def _read_tifffile(path: str) -> np.ndarray:
    with tifffile.TiffFile(path) as file:
        page = file.pages.first
        image = page.asarray()
        return np.moveaxis(image, 0, 2) if page.axes.startswith("S") else image


def _read_vips(path: str) -> np.ndarray:
    return pyvips.Image.new_from_file(path, fail_on="warning").numpy()


def _read_pillow(path: str) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture)


def _read_libtiff(path: str) -> np.ndarray:
    image = imagecodecs.tiff_decode(Path(path).read_bytes())
    with tifffile.TiffFile(path) as file:
        page = file.pages.first
        return np.moveaxis(image, 0, 2) if page.axes.startswith("S") else image


_READERS = {
    "gdal": _read_gdal,
    "tifffile": _read_tifffile,
    "libtiff": _read_libtiff,
    "libvips": _read_vips,
    "pillow": _read_pillow,
}
