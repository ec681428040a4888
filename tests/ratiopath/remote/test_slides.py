"""Images on stores read as on this machine: the same pixels, the same refusals, and few requests."""

import io
from pathlib import Path

import fsspec
import h5py
import numpy as np
import openslide
import pytest
import shapely
import tifffile

from ratiopath.annotations import is_annotation, read_outlines
from ratiopath.arrow import tile_overlay_overlap
from ratiopath.errors import SlideError, TruncatedError, UnsupportedFormatError
from ratiopath.geometry import Mpp
from ratiopath.overlays import TileWindows, open_overlay
from ratiopath.remote import retries
from ratiopath.remote.cache import BLOCK
from ratiopath.remote.file import WHOLE
from ratiopath.roi import Roi
from ratiopath.slides import open_slide
from ratiopath.slides.paths import Exclusion, folder_named_by
from ratiopath.slides.reader import SlideReader
from ratiopath.slides.tiff.reader import TiffReader
from ratiopath.slides.tiff.vendor import vendor_of_scan
from tests.ratiopath.slides.test_conformance import EVERY, PICTURES, raster
from tests.support import bad_files
from tests.support.annotation_tables import geojson, geojson_gz, geojson_zip, geoparquet, wkt_csv
from tests.support.bad_stores import deep_tiff
from tests.support.disturbed_store import DisturbedStore, HttpError, cut, error, unchanged
from tests.support.layouts import LAYOUTS
from tests.support.leica import write_leica_slide
from tests.support.pictures import picture

ONE_OF_EACH = list({param.values[0]: param for param in EVERY}.values())
"""A kind of pixels of every layout."""
ONE_PICTURE_OF_EACH = list({param.values[0]: param for param in PICTURES}.values())


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "FIRST_PAUSE", 0.0)


def in_memory(path: Path) -> str:
    fsspec.filesystem("memory").pipe_file(f"/slides/{path.name}", path.read_bytes())
    return f"memory://slides/{path.name}"


def chunks(reader: SlideReader) -> list[np.ndarray]:
    """All pixels, and the masks of those that exist."""
    found = []
    for number, level in enumerate(reader.pyramid.levels):
        chunk = reader.chunk_extent(number)
        for row in range(-(-level.extent.height // chunk.height)):
            for column in range(-(-level.extent.width // chunk.width)):
                read = reader.read_chunk(number, column, row)
                found += [read.pixels, np.ones(1) if read.exists is None else read.exists]
    return found


def assert_same(remote: SlideReader, local: SlideReader) -> None:
    assert (type(remote), remote.pyramid, remote.dtype, remote.channels) == (
        type(local), local.pyramid, local.dtype, local.channels,
    )  # fmt: skip
    for one, other in zip(chunks(remote), chunks(local), strict=True):
        np.testing.assert_array_equal(one, other, strict=True)


@pytest.mark.parametrize(("layout", "kind"), ONE_OF_EACH)
def test_every_layout_reads_as_on_this_machine(layout: str, kind: tuple[str, int, bool], tmp_path: Path) -> None:
    path = tmp_path / "overlay"
    LAYOUTS[layout].write(path, raster(kind))
    uri = in_memory(path)
    with open_slide(str(path)) as local, open_slide(uri) as remote:
        assert_same(remote, local)


@pytest.mark.parametrize(("form", "kind"), ONE_PICTURE_OF_EACH)
def test_every_picture_reads_as_on_this_machine(form: str, kind: tuple[str, int, bool], tmp_path: Path) -> None:
    path = tmp_path / f"overlay.{form}"
    path.write_bytes(picture(form, raster(kind)))
    with open_slide(str(path)) as local, open_slide(in_memory(path)) as remote:
        assert_same(remote, local)


BAD = {
    "text.tiff": lambda path: path.write_bytes(b"GIF89a"),
    "empty.tiff": lambda path: path.write_bytes(b""),
    "no-pixel.tiff": bad_files.retagged(ImageWidth=0),
    "unplaced.tiff": bad_files.unplaced,
    "cut.tiff": bad_files.cut("strip-whole", 0.9),
    "cut-directory.tiff": bad_files.cut("ome", 0.02),
    "zero-mpp.tiff": bad_files.retagged(YResolution=(5, 0)),
    "few-segments.tiff": bad_files.retagged(ImageLength=64),
}


@pytest.mark.parametrize("name", BAD)
def test_damage_is_refused_with_the_same_words(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    BAD[name](path)
    with pytest.raises(SlideError) as local:
        open_slide(str(path))
    uri = in_memory(path)
    with pytest.raises(SlideError) as remote:
        open_slide(uri)

    assert type(remote.value) is type(local.value)
    assert str(remote.value) == str(local.value).replace(str(path), uri)


def write_scan(path: Path, *, tiled: bool = True, **options: object) -> Path:
    pixels = np.full((256, 256, 3), 200, np.uint8)
    layout = {"tile": (128, 128) if tiled else None, "compression": "jpeg", "photometric": "rgb", "metadata": None}
    tifffile.imwrite(path, pixels, **layout, **options)
    return path


PHILIPS = '<?xml version="1.0"?><DataObject ObjectType="DPUfsImport"/>'
XMP = b'<?xml version="1.0"?><iScan Magnification="20" ScanRes="0.5"/>'
SCANS = {
    "aperio": {"description": "Aperio Image Library v1\n|MPP = 0.5"},
    "aperio in strips": {"tiled": False, "description": "Aperio Image Library v1"},
    "philips": {"software": "Philips DP v1.0", "description": PHILIPS},
    "hamamatsu": {"tiled": False, "extratags": [(271, 2, 0, "Hamamatsu", True), (65420, 4, 1, 1, True)]},
    "trestle": {"software": "MedScan 1", "description": "OverlapsXY= 0 0"},
    "ventana": {"software": False, "extratags": [(700, 1, 0, XMP, True)]},
    "plain": {"software": False},
}  # fmt: skip


@pytest.mark.parametrize("kind", [*SCANS, "leica"])
def test_vendors_are_those_that_openslide_finds(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "slide"
    if kind == "leica":
        write_leica_slide(path)
    else:
        write_scan(path, **SCANS[kind])
    expected = openslide.OpenSlide.detect_format(str(path))

    assert (vendor_of_scan(io.BytesIO(path.read_bytes())) or "none") == {"generic-tiff": "none", None: "none"}.get(
        expected, expected
    )


@pytest.mark.parametrize("kind", ["aperio", "plain"])
def test_a_scan_in_jpeg_is_read(kind: str, tmp_path: Path) -> None:
    path = write_scan(tmp_path / "slide", **SCANS[kind])
    with open_slide(str(path)) as local, open_slide(in_memory(path)) as remote:
        assert_same(remote, local)


@pytest.mark.parametrize("content", [bytes(128) + b"DICM", b"SQLite format 3\0", b"{}"])
def test_what_is_no_image_is_to_be_copied(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(UnsupportedFormatError, match="hint: copy it to a folder of this machine"):
        open_slide(in_memory(tmp_path / "a"))


SHAPES = [
    ("tumor", [[(0.0, 0.0), (9.0, 0.0), (9.0, 7.0)]]),
    ("other", [[(2.0, 3.0), (5.0, 3.0), (5.0, 8.0), (2.0, 8.0)]]),
]


def scores(patches: int = 2) -> bytes:
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file["coords"] = 16 * np.arange(2 * patches).reshape(-1, 2)
        file["coords"].attrs["patch_size_level0"] = 16
        file["scores"] = np.linspace(0, 1, patches)
    return content.getvalue()


ANNOTATIONS = {
    "geojson": geojson(SHAPES), "geojson.gz": geojson_gz(SHAPES), "geojson.zip": geojson_zip(SHAPES),
    "csv": wkt_csv(SHAPES), "parquet": geoparquet(SHAPES), "h5": scores(),
}  # fmt: skip


@pytest.mark.parametrize("form", ANNOTATIONS)
def test_annotations_are_read_as_on_this_machine(form: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{form}"
    path.write_bytes(ANNOTATIONS[form])
    uri = in_memory(path)
    local, remote = read_outlines(str(path)), read_outlines(uri)

    assert is_annotation(uri)
    assert (remote.path, remote.format, remote.labels) == (uri, local.format, local.labels)
    for one, other in zip(remote.rings, local.rings, strict=True):
        np.testing.assert_array_equal(one, other, strict=True)
    assert type(open_overlay(uri)) is type(open_overlay(str(path)))


@pytest.mark.parametrize("content", [geojson(SHAPES) + b" " * WHOLE, scores(WHOLE // 8)])
def test_a_store_that_fails_is_no_damage_of_an_annotation(content: bytes) -> None:
    uri = DisturbedStore.holding("a", content, unchanged, *[error(HttpError(503))] * retries.ATTEMPTS)
    with pytest.raises(TruncatedError, match="5 tries failed, the last with HttpError, HTTP status 503"):
        read_outlines(uri)


def large_tiff() -> tuple[bytes, np.ndarray]:
    pixels = np.random.default_rng(1).integers(0, 255, (2048, 2048), np.uint8)
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, tile=(256, 256), resolution=(20000, 20000), resolutionunit="CENTIMETER")
    return file.getvalue(), pixels


@pytest.mark.parametrize(("layout", "kind"), ONE_OF_EACH)
def test_announced_ranges_are_those_of_the_segments_that_are_read(
    layout: str, kind: tuple[str, int, bool], tmp_path: Path
) -> None:
    path = tmp_path / "slide"
    LAYOUTS[layout].write(path, raster(kind))
    with open_slide(str(path)) as reader:
        levels = reader._levels if isinstance(reader, TiffReader) else ()
        for level in (*levels, *(level.mask for level in levels if level.mask)):
            rows, columns = np.indices((-(-level.extent.height // level.chunk.height), level._across)).reshape(2, -1)
            starts, ends = level.ranges(columns, rows)
            assert [
                [(start, end) for start, end in zip(*chunk, strict=True) if start < end]
                for chunk in zip(starts.tolist(), ends.tolist(), strict=True)
            ] == [
                [
                    (plane.dataoffsets[one], plane.dataoffsets[one] + plane.databytecounts[one])
                    for plane, segments in level.segments(*place)
                    for one in segments
                    if plane.databytecounts[one]
                ]
                for place in zip(columns.tolist(), rows.tolist(), strict=True)
            ]


def test_headers_at_two_places_are_followed_by_one_request_for_the_version() -> None:
    with open_slide(DisturbedStore.holding("a", deep_tiff())) as reader:
        assert len(reader.pyramid.levels) == 2
        kinds = [request if request == "info" else "bytes" for request in DisturbedStore.requests]
        assert kinds == ["info", "bytes", "bytes", "info"]


def test_the_chunks_of_tiles_are_requested_together() -> None:
    content, _ = large_tiff()  # 2 blocks for each row of 8 chunks
    with open_overlay(DisturbedStore.holding("a.tiff", content)) as overlay:
        tiles = TileWindows(
            np.array([1100.0, 1100.0]), np.array([0.0, 1536.0]), Mpp(0.5, 0.5), Roi(shapely.box(0, 0, 512, 512))
        )
        found = overlay.shares(tiles)

    assert found.inside.tolist() == [512 * 512] * 2
    ranges = [request for request in DisturbedStore.requests[2:] if request != "info"]
    assert sorted((start // BLOCK, end // BLOCK) for start, end in ranges) == [(1, 4), (13, 16)]


def test_headers_and_one_tile_are_two_requests_for_bytes() -> None:
    content, pixels = large_tiff()
    with open_slide(DisturbedStore.holding("a", content)) as reader:
        assert DisturbedStore.requests == ["info", (0, BLOCK)]
        found = reader.read_chunk(0, 7, 7).pixels

    np.testing.assert_array_equal(found, pixels[-256:, -256:])
    [(start, end), info] = DisturbedStore.requests[2:]
    assert info == "info"
    assert end - start <= 2 * BLOCK


@pytest.mark.parametrize("fault", [error(HttpError(500)), error(HttpError(503)), cut, error(ConnectionResetError())])
def test_errors_that_pass_change_no_pixel(fault) -> None:
    content, pixels = large_tiff()
    with open_slide(DisturbedStore.holding("a", content, fault, fault)) as reader:
        DisturbedStore.faults[:] = [fault] * 4
        np.testing.assert_array_equal(reader.read_chunk(0, 3, 2).pixels, pixels[512:768, 768:1024])


@pytest.mark.parametrize("description", [None, "Aperio"])
@pytest.mark.parametrize("good", [0, 1])
def test_a_store_that_fails_is_not_taken_for_damage(good: int, description: str | None) -> None:
    uri = DisturbedStore.holding("a", deep_tiff(description), *[unchanged] * good, *[cut] * retries.ATTEMPTS)
    with pytest.raises(SlideError, match=r"^cannot (open|read) 'disturbed://a'(:| \() ?5 tries failed"):
        open_slide(uri)  # the next request would be answered: no level may be missing

    with open_slide(uri) as reader:
        assert len(reader.pyramid.levels) == 2


def test_the_overlap_of_an_overlay_on_a_store_is_that_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "mask.tiff"
    LAYOUTS["deflate"].write(path, raster(("uint8", 1, False)))
    columns = {"tile_x": [0, 17, 130], "tile_y": [0, 140, 290], "mpp_x": 0.5, "mpp_y": 0.25}
    roi = shapely.box(0, 0, 32, 32)

    found = tile_overlay_overlap(roi, in_memory(path), **columns)

    assert found.to_pylist() == tile_overlay_overlap(roi, str(path), **columns).to_pylist()


def test_an_overlay_is_aligned_with_a_slide_on_a_store(tmp_path: Path) -> None:
    path = tmp_path / "slide.tiff"
    LAYOUTS["tiles"].write(path, raster(("uint8", 1, False)))
    uri = in_memory(path)

    found = tile_overlay_overlap(shapely.box(0, 0, 9, 9), uri, [0], 0, 0.5, 0.25, slide_path=uri, align="extent")

    local = tile_overlay_overlap(shapely.box(0, 0, 9, 9), str(path), [0], 0, 0.5, 0.25)
    assert found.to_pylist() == local.to_pylist()


def test_a_slide_is_excluded_by_its_decoded_name() -> None:
    uri = "s3://bucket/old%20slides/a.tiff?region=eu-central-1"

    assert uri in Exclusion.of(["old slides/"], [folder_named_by("s3://bucket?region=eu-central-1")])
    assert uri not in Exclusion.of(["old slides/"], [folder_named_by(uri)])
