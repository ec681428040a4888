"""Every message of the library, provoked once and kept in messages.txt for review.

After a change of a message: `UPDATE_MESSAGES=1 python -m pytest tests/ratiopath/test_messages.py`, then read the diff.
"""

import ast
import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pyarrow as pa
import pytest
import shapely
from ray.data.expressions import col
from shapely import box

import ratiopath
from ratiopath.annotations import Outlines, read_outlines
from ratiopath.annotations.placement import FrameOptions, place
from ratiopath.arrow import TileDataset, grid_tiles, tile_overlay_overlap, tile_overlay_statistics
from ratiopath.arrow.tile_batch import TileBatch
from ratiopath.counting.ranges import ValueRange
from ratiopath.counting.wanted import LabelPattern
from ratiopath.errors import RatiopathError
from ratiopath.frame import SlideFrame
from ratiopath.geometry import Extent, Mpp, round_half_up
from ratiopath.overlays import AnnotationOptions, OverlaySettings, TissueSettings, detect_tissue
from ratiopath.overlays.alignment import align_raster
from ratiopath.overlays.fit import RasterFrame
from ratiopath.overlays.vector import VectorOverlay
from ratiopath.plan import Windows
from ratiopath.plot import plot_tiles
from ratiopath.pyramid import Pyramid
from ratiopath.remote import retries
from ratiopath.roi import Roi
from ratiopath.slides import open_slide
from ratiopath.slides.metadata import Tiling, describe_slide
from ratiopath.slides.openslide_reader import OpenSlideReader
from ratiopath.slides.paths import Exclusion, find_slides
from ratiopath.slides.tiff.errors import translate_error
from ratiopath.slides.windows import cut_tiles
from ratiopath.statistics.results import Scale
from ratiopath.statistics.statistic import Statistic, parse_statistics
from ratiopath.tiling import read_slide_tiles, tile_annotations
from tests.support import bad_files
from tests.support.annotation_files import asap
from tests.support.bad_annotations import BAD_ANNOTATIONS
from tests.support.bad_pictures import BAD_PICTURES
from tests.support.bad_stores import BAD_STORES
from tests.support.expressions import evaluate
from tests.support.handmade import FLOAT, SHORT, page_of, write
from tests.support.layouts import LAYOUTS, Raster
from tests.support.shapes import annotations, tiles

LIBRARY = Path(ratiopath.__file__).parent
GOLDEN = Path(__file__).with_name("messages.txt")
BOX = box(0, 0, 16, 16)
SQUARE = tiles((0, 0), roi=BOX)
MEAN = parse_statistics(["mean"])
ONE_UM = SlideFrame(mpp=Mpp(1, 1))
BOXES = {f"level0_{name}": [1] * 21 for name in ("x", "y", "extent_x", "extent_y")}

CALLS: dict[str, Callable[[], object]] = {
    "geometry: extent": lambda: Extent(0, 5),
    "geometry: mpp": lambda: Mpp(0.5, float("nan")),
    "pyramid: no level": lambda: Pyramid(()),
    "pyramid: no mpp": lambda: Pyramid.of([Extent(4, 4)], None).closest(Mpp(1, 1)),
    "grid: length": lambda: grid_tiles((5, 5), (2, 2), (2.5, 2)),
    "grid: last": lambda: grid_tiles((5, 5), (2, 2), (2, 2), "wrap"),
    "grid: no sequence": lambda: grid_tiles((5, 5), 2, (2, 2)),
    "grid: axes": lambda: grid_tiles((5, 5), (2, 2), (2,)),
    "roi: type": lambda: Roi(shapely.Point(1, 1)),
    "roi: empty": lambda: Roi(shapely.Polygon()),
    "roi: not finite": lambda: Roi(shapely.Polygon([(0, 0), (float("inf"), 0), (1, 1)])),
    "roi: bow tie": lambda: Roi(shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])),
    "roi: no area": lambda: Roi(box(0, 0, 1e-200, 1e-200)),
    "plot: no column": lambda: plot_tiles(None, {}, "tumor"),
    "plot: several slides": lambda: plot_tiles(None, {"slide_id": ["a", "b"], "tumor": [0, 1]}, "tumor"),
    "plot: too many texts": lambda: plot_tiles(None, BOXES | {"name": list("abcdefghijklmnopqrstu")}, "name"),
    "dataset: no column": lambda: TileDataset(pa.table({"path": ["a.tiff"]})),
    "dataset: no open slide": lambda: TileDataset(pa.table({}), open_slides=0),
    "batch: lengths": lambda: overlap("a.tiff", tile_x=[0, 1], tile_y=[0]),
    "batch: no column": lambda: overlap("a.tiff", tile_x=0),
    "batch: paths": lambda: overlap([1]),
    "batch: nulls": lambda: overlap("a.tiff", tile_x=pa.array([0, None])),
    "batch: numbers": lambda: overlap("a.tiff", tile_x=["0"]),
    "batch: not finite": lambda: overlap("a.tiff", tile_x=[float("nan")]),
    "tiling: neither": lambda: Tiling.of(tile_extent=8, stride=8),
    "tiling: both": lambda: Tiling.of(tile_extent=8, stride=8, mpp=1, level=0),
    "tiling: level": lambda: Tiling.of(tile_extent=8, stride=8, level=-1),
    "tiling: tolerance": lambda: Tiling.of(tile_extent=8, stride=8, mpp=1, tolerance=-1),
    "tiling: resolution": lambda: Tiling.of(tile_extent=8, stride=8, mpp=1, resolution="best"),
    "tiling: exact level": lambda: Tiling.of(tile_extent=8, stride=8, level=0, resolution="exact"),
    "tiling: half a level": lambda: Tiling.of(tile_extent=8, stride=8, level=0.5),
    "geometry: three numbers": lambda: Mpp.of((1, 1, 1)),
    "geometry: pixel": lambda: round_half_up([1e300]),
    "batch: no column of numbers": lambda: overlap("a.tiff", tile_x=[2**63]),
    "batch: no path": lambda: overlap("a\0b.tiff"),
    "batch: far away": lambda: overlap("a.tiff", tile_x=[9.2e18]),
    "batch: not whole": lambda: TileBatch.of(["a"], "path", level=[0.5]).require_whole("level"),
    "exclude: outside": lambda: Exclusion.of(["../old"], ["/slides"]),
    "exclude: no pattern": lambda: Exclusion.of(["!"], ["/slides"]),
    "exclude: elsewhere": lambda: Exclusion.of(["/masks/*"], ["/slides"]),
    "tiling: pair": lambda: Tiling.of(tile_extent=(8, 0), stride=8, level=0),
    "label: pattern": lambda: LabelPattern("(a"),
    "range: form": lambda: ValueRange.parse("255"),
    "range: limit": lambda: ValueRange.parse(">x"),
    "range: no number": lambda: ValueRange.parse("1,2..3"),
    "range: not finite": lambda: ValueRange.parse("0..inf"),
    "range: reversed": lambda: ValueRange.parse("5..1"),
    "range: no limit": ValueRange,
    "annotation: option": lambda: AnnotationOptions.of(within_of=("a",)),
    "annotation: centre": lambda: placed("slide_centre", SlideFrame("a.tiff", Extent(9, 9), Mpp(1, 1))),
    "annotation: centre of no slide": lambda: placed("slide_centre", SlideFrame(mpp=Mpp(1, 1))),
    "annotation: bottom": lambda: placed(slide=SlideFrame(), y="up"),
    "annotation: level": lambda: placed(level=2),
    "annotation: unit": lambda: placed(unit="um"),
    "annotation: bounding box": lambda: placed(slide=BOXED),
    "annotation: outside": lambda: placed(slide=BOXED, origin="level0"),
    "annotation: labels": lambda: annotated(257).shares(SQUARE),
    "overlap: weights": lambda: overlap("a.tiff", weights="areas"),
    "annotation: overlap": lambda: annotated(2).patches(SQUARE),
    "tissue: pen": lambda: TissueSettings(pen="erase"),
    "annotation: no number": lambda: VectorOverlay(annotations(("a", BOX)), ONE_UM).statistics(SQUARE, MEAN),
    "annotation: infinite number": lambda: VectorOverlay(annotations(("inf", BOX)), ONE_UM).statistics(SQUARE, MEAN),
    "statistic: name": lambda: Statistic.parse("median"),
    "statistic: none": lambda: parse_statistics([]),
    "statistic: twice": lambda: parse_statistics(["q50", "q50.0"]),
    "statistic: scale": lambda: Scale(255, 0),
    "statistic: scale of one number": lambda: Scale.of(255),  # type: ignore[arg-type]  # a user's mistake
    "annotation: no resolution": lambda: annotated(1, mpp=None).shares(SQUARE),
    "align: unknown rule": lambda: OverlaySettings(align="centre"),
    "align: no size": lambda: aligned((9, 9), slide=SlideFrame()),
    "align: bounding box": lambda: aligned((50, 60), 10, slide=BOXED),
    "align: size of the bounding box": lambda: aligned((50, 60), slide=BOXED),
    "align: box or slide": lambda: aligned(
        (10, 10), slide=SlideFrame("a.mrxs", Extent(100, 100), bounds=(9, 9, 50, 50))
    ),
    "align: wrong resolution": lambda: aligned((33, 33), 10, slide=BOXED),
    "align: other slide": lambda: aligned((99, 200), 10, slide=BOXED),
    "align: no resolution": lambda: aligned((99, 200), slide=BOXED),
    "align: slide without resolution": lambda: aligned((99, 200), 10),
    "align: by the resolution that is missing": lambda: aligned((99, 99), slide=BOXED, align="mpp"),
}
"""Calls that need no file."""


def written(raster: Raster, layout: str = "tiles") -> bad_files.Maker:
    return lambda path: LAYOUTS[layout].write(path, raster)


def holding(content: bytes) -> bad_files.Maker:
    return lambda path: path.write_bytes(content)


BOXED = SlideFrame("a.mrxs", Extent(99, 99), Mpp(10, 10), bounds=(8, 9, 50, 60))


def placed(frame: str = "pixels", slide: SlideFrame = SlideFrame("a.tiff", Extent(9, 9)), **options: object) -> object:  # noqa: B008 - frozen
    """A box of 960 px on a slide of 9 or 99 px."""
    outlines = Outlines("a.xml", "asap", frame)
    outlines.add_box("a", [(0, 0), (960, 960)])
    return place(outlines, slide, FrameOptions(**options))


def aligned(size: tuple[int, int], mpp: float | None = None, slide: SlideFrame | None = None, **options: Any) -> object:
    """An image of some pixels over a slide of 9 or 99 px."""
    overlay = RasterFrame("m.tiff", Extent(*size), Mpp.optional(mpp))
    return align_raster(overlay, slide or SlideFrame("a.tiff", Extent(9, 9)), **options)


def annotated(labels: int, mpp: Mpp | None = Mpp(1, 1)) -> VectorOverlay:  # noqa: B008 - frozen
    """The same box under some labels."""
    return VectorOverlay(annotations(*((f"{number}", BOX) for number in range(labels))), SlideFrame(mpp=mpp))


def overlap(path: object, **columns: object) -> pa.StructArray:
    good = {"tile_x": [0], "tile_y": 0, "mpp_x": 0.5, "mpp_y": 0.5}
    return tile_overlay_overlap(BOX, path, **{**good, **columns})


def measure(path: str) -> object:
    return overlap(path)


def by_size(path: str) -> object:
    """The image is its own slide, and has no resolution."""
    return overlap(path, slide_path=path, align="extent")


def measure_all(path: str) -> object:
    return tile_overlay_overlap(box(0, 0, 400, 400), path, [0], 0, 0.5, 0.5)


def sum_up(path: str) -> object:
    return tile_overlay_statistics(BOX, path, [0], 0, 0.5, 0.5, statistics=["mean"])


def cut_at(level: int) -> Callable[[str], object]:
    def call(path: str) -> object:
        with open_slide(path) as reader:
            return cut_tiles(reader, Windows(level, np.zeros(1, np.int64), np.zeros(1, np.int64), Extent(4, 4)))

    return call


def tile(**options: object) -> Callable[[str], object]:
    return lambda path: describe_slide(path, Tiling.of(tile_extent=8, stride=8, **options))


def read_tile(extent: int) -> Callable[[str], object]:
    names = ("tile_x", "tile_y", "tile_extent_x", "tile_extent_y", "level")
    numbers = dict(zip(names, ([0], [0], [extent], [extent], [0]), strict=True))
    return lambda path: evaluate(read_slide_tiles(col("path"), *map(col, names)), pa.table({"path": [path], **numbers}))


def cut_pieces(path: str) -> object:
    columns = [col(name) for name in ("path", "x", "x", "mpp", "mpp")]
    return evaluate(tile_annotations(BOX, *columns), pa.table({"path": [path], "x": [0], "mpp": [0.5]}))


def translate(error: Exception) -> Callable[[str], object]:
    def call(path: str) -> object:
        raise translate_error(error, path)

    return call


def read(path: str) -> object:
    with open_slide(path) as reader:
        return reader.read_chunk(0, 0, 0)


NOTHING = holding(b"")
GREY, RGB = Raster((bad_files.level(),), (0.5, 0.5)), Raster((bad_files.level(3),), (0.5, 0.5))
HUGE = {"ImageWidth": 100_000, "ImageLength": 100_000, "RowsPerStrip": 100_000}
WIDE = {"BitsPerSample": 12}
DEFLATE = {"compression": "deflate"}
RGB_LZW = {"photometric": "rgb", "compression": "lzw"}
FILES: dict[str, tuple[bad_files.Maker, Callable[[str], object]]] = {
    "gone.svs": (lambda path: None, open_slide),
    "folder.svs": (Path.mkdir, open_slide),
    "a.gif": (holding(b"GIF89a"), open_slide),
    "a.bmp": (holding(b"BM\0\0"), open_slide),
    "a.webp": (holding(b"RIFF\0\0\0\0WEBP"), open_slide),
    "a.pdf": (holding(b"%PDF-1.7"), open_slide),
    "a.jp2": (holding(b"\0\0\0\x0cjP  \r\n\x87\n"), open_slide),
    "a.j2k": (holding(b"\xff\x4f\xff\x51"), open_slide),
    "a.h5": (holding(b"\x89HDF\r\n\x1a\n"), open_slide),
    "a.zip": (holding(b"PK\3\4"), open_slide),
    "a.gz": (holding(b"\x1f\x8b"), open_slide),
    "a.xml": (holding(b"\xef\xbb\xbf <?xml version='1.0'?>"), open_slide),
    "a.geojson": (holding(b'\n{"type": "FeatureCollection"}'), open_slide),
    "a.json": (holding(b"[]"), open_slide),
    "doctype.xml": (holding(b"<!DOCTYPE a []><a/>"), read_outlines),
    "deep.xml": (holding(b"<a>" * 200), read_outlines),
    "cut.xml": (holding(b"<Annotations>"), read_outlines),
    "comma.xml": (holding(asap([("a", [(1, 2), (3, 4), (5, 7)])]).replace(b'X="3"', b'X="3;1"')), read_outlines),
    "no-x.xml": (holding(asap([("a", [(1, 2), (3, 4), (5, 7)])]).replace(b'X="3"', b"")), read_outlines),
    "not-an-image.tiff": (holding(b"not an image"), read_outlines),
    "a.txt": (holding(b"slide, mask\n"), open_slide),
    "empty.tiff": (NOTHING, open_slide),
    "unknown.tiff": (holding(bytes(9)), open_slide),
    "nothing-there": (lambda path: None, find_slides),
    "no-data.mrxs": (bad_files.mirax_without_data, open_slide),
    "openslide-mpp.svs": (bad_files.described(bad_files.SVS_2000, "MPP = 0.5", "MPP = -1.", 3), OpenSlideReader),
    "corrupt-2000.svs": (bad_files.corrupt("aperio-jpeg2000"), read),
    "negative-mpp.svs": (bad_files.described(bad_files.SVS, "MPP = 0.5", "MPP = -1.", 3), open_slide),
    "no-page.tiff": (holding(b"II*\0" + bytes(100)), open_slide),
    "stack.ome.tiff": (bad_files.ome_stack, open_slide),
    "stack.tiff": (bad_files.plain_stack, open_slide),
    "rivals.tiff": (bad_files.two_reduced_images, open_slide),
    "no-plane.ome.tiff": (bad_files.ome_without_a_plane, open_slide),
    "two-files.ome.tiff": (bad_files.ome_in_two_files, open_slide),
    "twelve-bits.tiff": (bad_files.retagged(bad_files.level().astype(np.int16), **WIDE), open_slide),
    "complex.tiff": (bad_files.retagged(np.ones((16, 16), np.complex64)), open_slide),
    "codec.tiff": (bad_files.retagged(Compression=12_345), open_slide),
    "planar.tiff": (
        bad_files.retagged(bad_files.level(3), options={"photometric": "rgb"}, PlanarConfiguration=65_535),
        open_slide,
    ),
    "no-sample.tiff": (bad_files.retagged(SamplesPerPixel=0), open_slide),
    "volume.tiff": (
        bad_files.retagged(np.zeros((16, 16, 16), np.uint8), options={"tile": (16, 16, 16), "volumetric": True}),
        open_slide,
    ),
    "turned.tiff": (lambda path: write(path, page_of(bad_files.level(), t274=(SHORT, [6]))), open_slide),
    "width.tiff": (lambda path: write(path, page_of(bad_files.level(), t256=(FLOAT, [50.0]))), open_slide),
    "colours.tiff": (bad_files.retagged(bad_files.level(3), options=RGB_LZW, PhotometricInterpretation=6), open_slide),
    "webp.tiff": (bad_files.stream(50001, b""), open_slide),
    "no-rows.tiff": (lambda path: write(path, page_of(bad_files.level(), t278=(SHORT, [0]))), open_slide),
    "predictor.tiff": (bad_files.retagged(options=DEFLATE | {"predictor": 2}, Predictor=7), open_slide),
    "jpeg-12.tiff": (bad_files.retagged(options={"compression": "jpeg"}, **WIDE), open_slide),
    "two-sizes.ome.tiff": (bad_files.ome_of_two_sizes, open_slide),
    "emptied.tiff": (bad_files.emptied, open_slide),
    "short.tiff": (bad_files.stream(8, zlib.compress(bytes(100))), read),
    "large-stream.tiff": (bad_files.stream(34712, imagecodecs.jpeg2k_encode(np.zeros((64, 64), np.uint8))), read),
    "without-end.tiff": (bad_files.stream(34712, imagecodecs.jpeg2k_encode(bad_files.level()[:16, :16])[:-2]), read),
    "small-jpeg.tiff": (bad_files.stream(7, imagecodecs.jpeg8_encode(bad_files.level()[:8, :8].copy())), read),
    "colour-jpeg.tiff": (bad_files.stream(7, imagecodecs.jpeg8_encode(np.zeros((16, 16, 3), np.uint8))), read),
    "cut-fax.tiff": (bad_files.stream(3, bytes([0, 16, 53, 0, 16]), bits=1), read),
    "no-pixel.tiff": (bad_files.retagged(ImageWidth=0), open_slide),
    "huge.tiff": (bad_files.retagged(options={"tile": None, **DEFLATE}, **HUGE), read),
    "few-segments.tiff": (bad_files.retagged(ImageLength=64), open_slide),
    "unplaced.tiff": (bad_files.unplaced, open_slide),
    "cut.tiff": (bad_files.cut("strip-whole", 0.9), open_slide),
    "cut-directory.tiff": (bad_files.cut("ome", 0.02), open_slide),
    "cut-level.tiff": (bad_files.without_its_last_level, open_slide),
    "corrupt.tiff": (bad_files.corrupt("deflate"), read),
    "unreadable.tiff": (NOTHING, translate(OSError(5, "Input/output error"))),
    "undecodable.tiff": (NOTHING, translate(NotImplementedError("lossy"))),
    "zero-mpp.tiff": (bad_files.retagged(YResolution=(5, 0)), open_slide),
    "nan-mpp.ome.tiff": (bad_files.described(bad_files.OME, '"500.0"', '"NaN"'), open_slide),
    "no-resolution.tiff": (bad_files.plain(), measure),
    "no-resolution-slide.tiff": (bad_files.plain(), tile(mpp=0.5)),
    "one-level.tiff": (written(RGB), tile(level=3)),
    "no-level.tiff": (written(RGB), cut_at(3)),
    "far-level.tiff": (written(RGB), tile(mpp=50, tolerance=0.1)),
    "giant-tile.tiff": (written(RGB), tile(mpp=1e12, resolution="exact")),
    "large-tile.tiff": (written(RGB), read_tile(1 << 20)),
    "sixteen-bits.tiff": (written(Raster((bad_files.level().astype(np.uint16),), (0.5, 0.5))), cut_at(0)),
    "by-size.tiff": (bad_files.plain(), by_size),
    "no-slide.tiff": (written(GREY), lambda path: overlap(path, align="extent")),
    "wrong-unit.tiff": (written(Raster((bad_files.level(),), (0.0002, 0.0002))), measure),
    "column-mpp.tiff": (written(GREY), lambda path: overlap(path, overlay_mpp=pa.array([-1.0]))),
    "no-outlines.tiff": (written(GREY), cut_pieces),
    "tile-mpp.tiff": (written(GREY), lambda path: overlap(path, mpp_x=0.0)),
    "continuous.tiff": (bad_files.continuous, measure_all),
    "very-continuous.tiff": (lambda path: bad_files.continuous(path, 400 * 400), measure_all),
    "no-resolution-tissue.tiff": (bad_files.plain(), detect_tissue),
    "grey-tissue.tiff": (written(GREY), detect_tissue),
    "large-tissue.tiff": (
        bad_files.retagged(bad_files.level(3), options={"photometric": "rgb", "tile": None, **DEFLATE}, **HUGE),
        lambda path: detect_tissue(path, mpp=4.0),
    ),
    "in-colour.tiff": (written(RGB), sum_up),
    **BAD_ANNOTATIONS,
    **BAD_PICTURES,
}
"""A bad file by name, and the call that refuses it."""


def provoke(folder: Path) -> Iterator[RatiopathError]:
    """Make every call; yield what it raises."""
    calls = CALLS | BAD_STORES
    for name, (make, call) in FILES.items():
        make(folder / name)
        calls[name] = lambda call=call, name=name: call(str(folder / name))
    for call in calls.values():
        with pytest.raises(RatiopathError) as caught:
            call()
        yield caught.value


@pytest.fixture(scope="module")
def errors(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[RatiopathError, str]]:
    """Every error, and its message without the folder of the test."""
    folder = tmp_path_factory.mktemp("bad")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retries, "FIRST_PAUSE", 0.0)
        return [(error, str(error).replace(f"{folder}/", "")) for error in provoke(folder)]


def test_every_message_is_the_one_that_was_reviewed(errors: list[tuple[RatiopathError, str]]) -> None:
    found = "".join(f"{type(error).__name__}: {message}\n" for error, message in errors)
    if os.environ.get("UPDATE_MESSAGES"):
        GOLDEN.write_text(found, encoding="utf-8")

    assert found == GOLDEN.read_text(encoding="utf-8")


UNPROVOKED = {
    "arrow/tile_dataset.py: IndexError": "the end of a sequence; see arrow/test_tile_dataset.py",
    "counting/values.py: ValueError": "said by the configuration in its own words; see counting/test_values.py",
    "plot.py: ImportError": "an environment without matplotlib",
    "remote/arrow_store.py: ConnectionAbortedError": "tried again, then told in other words; see remote/test_gs.py",
    "remote/copies.py: SlideNotFoundError": "absent when it is to be copied; see remote/test_copies.py",
    "remote/copies.py: PermissionError": "told in other words",
    "remote/copies.py: self._refused": "needs a folder; see remote/test_copies.py",
    "remote/file.py: OSError": "a position before the start; see remote/test_file.py",
    "remote/listing.py: not_opened": "a store that fails; see remote/test_web.py",
    "remote/listing.py: SlideNotFoundError": "a bucket that does not exist; see slides/test_paths_on_stores.py",
    "remote/pinned.py: _cut": "tried again, then told in other words; see remote/test_file.py",
    "remote/store.py: IsADirectoryError": "told in other words",
    "remote/web_store.py: StatusError": "told in other words; see remote/test_web.py",
    "remote/web_store.py: FileNotFoundError": "ditto",
    "remote/web_store.py: without_ranges": "needs a web server; see remote/test_web.py",
    "remote/web_store.py: without_size": "ditto",
    "slides/dicom.py: ValueError": "caught in the same file; see slides/test_dicom.py",
    "slides/paths.py: SlideNotFoundError": "a folder that root cannot list; see slides/test_paths.py",
}
"""Raise statements that no call above reaches, with the reason."""


def test_every_raise_statement_is_provoked(errors: list[tuple[RatiopathError, str]]) -> None:
    executed = {line for error, _ in errors for line in lines_of(error)}
    missing = [
        f"{path.relative_to(LIBRARY)}: {ast.unparse(node.exc.func)}"
        for path in sorted(LIBRARY.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Raise) and node.exc is not None
        if not any((str(path), line) in executed for line in range(node.lineno, node.end_lineno + 1))
    ]

    assert list(dict.fromkeys(missing)) == list(UNPROVOKED)


def lines_of(error: BaseException | None) -> Iterator[tuple[str, int]]:
    """Iterate over (file, line) of the traceback of an error and of its causes."""
    while error is not None:
        traceback = error.__traceback__
        while traceback is not None:
            yield traceback.tb_frame.f_code.co_filename, traceback.tb_lineno
            traceback = traceback.tb_next
        error = error.__cause__ or error.__context__
