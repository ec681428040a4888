"""Tags of any type that can hold their value, and values that cannot be theirs."""

import numpy as np
import pytest

from ratiopath.errors import InvalidMppError, MissingMppError, SlideError, UnsupportedImageError
from ratiopath.geometry import Mpp
from ratiopath.slides import open_slide
from tests.support.handmade import (
    BITS,
    BYTE,
    COMPRESSION,
    COUNTS,
    DOUBLE,
    FLOAT,
    LENGTH,
    LONG,
    LONG8,
    OFFSETS,
    PHOTOMETRIC,
    ROWS,
    SAMPLES,
    SBYTE,
    SHORT,
    SLONG,
    SSHORT,
    WIDTH,
    X_RESOLUTION,
    Y_RESOLUTION,
    Page,
    page_of,
    write,
)
from tests.support.streams import CLASSES, SMOOTH, read

INTEGERS = (BYTE, SHORT, LONG, SBYTE, SSHORT, SLONG, LONG8)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("kind", INTEGERS)
@pytest.mark.parametrize("code", [WIDTH, LENGTH, BITS, COMPRESSION, PHOTOMETRIC, SAMPLES, ROWS, COUNTS])
def test_a_tag_may_be_of_any_integer_type(code, kind, order, tmp_path) -> None:
    image = np.arange(64, dtype=np.uint8).reshape(8, 8)
    value = {WIDTH: 8, LENGTH: 8, BITS: 8, COMPRESSION: 1, PHOTOMETRIC: 1, SAMPLES: 1, ROWS: 8, COUNTS: 64}[code]
    path = write(tmp_path / "a.tiff", page_of(image, **{f"t{code}": (kind, [value])}), order=order)
    np.testing.assert_array_equal(read(path), image)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("kind", [BYTE, SHORT, LONG, SLONG, LONG8])
@pytest.mark.parametrize("strips", [1, 2, 4, 8])
def test_a_list_of_places_may_be_of_any_integer_type(strips, kind, order, tmp_path) -> None:
    image = np.arange(64, dtype=np.uint8).reshape(8, 8)
    segments = [part.tobytes() for part in np.split(image, strips)]
    tags = {ROWS: (LONG, [8 // strips]), COUNTS: (kind, [64 // strips] * strips), OFFSETS: (kind, "offsets")}
    np.testing.assert_array_equal(read(write(tmp_path / "a.tiff", Page(segments, (8, 8), tags), order=order)), image)


@pytest.mark.parametrize("kind", [SHORT, LONG, FLOAT, DOUBLE, LONG8, SLONG])
def test_a_resolution_may_be_of_any_numeric_type(kind, tmp_path) -> None:
    tags = {f"t{code}": (kind, [20_000]) for code in (X_RESOLUTION, Y_RESOLUTION)}
    with open_slide(str(write(tmp_path / "a.tiff", page_of(SMOOTH, **tags)))) as reader:
        assert reader.pyramid.mpp == Mpp(0.5, 0.5)


@pytest.mark.parametrize("values", [b"abc\0", [1.0, 2.0, 3.0], [float("nan")]])
def test_a_resolution_that_is_no_number_is_no_damage(values, tmp_path) -> None:
    kind = 2 if isinstance(values, bytes) else FLOAT
    tags = {f"t{code}": (kind, values) for code in (X_RESOLUTION, Y_RESOLUTION)}
    try:
        with open_slide(str(write(tmp_path / "a.tiff", page_of(SMOOTH, **tags)))) as reader:
            assert reader.pyramid.mpp is None
    except SlideError as error:
        assert isinstance(error, InvalidMppError | MissingMppError)  # noqa: PT017 - either may be said


def test_one_uncompressed_strip_needs_no_byte_count(tmp_path) -> None:
    np.testing.assert_array_equal(read(write(tmp_path / "a.tiff", page_of(SMOOTH, t279=(LONG, [])))), SMOOTH)


@pytest.mark.parametrize("tag", [(FLOAT, [64.0]), (2, b"64\0"), (LONG, [64, 64])], ids=["float", "text", "two"])
def test_a_width_that_is_no_integer_is_refused_for_what_it_is(tag, tmp_path) -> None:
    with pytest.raises(UnsupportedImageError, match="unexpected type or number of values"):
        read(write(tmp_path / "a.tiff", page_of(SMOOTH, t256=tag)))


@pytest.mark.parametrize("tag", [(LONG, [0]), (SHORT, [0]), (SLONG, [-1]), (SSHORT, [-1]), (SLONG, [-5])])
def test_strips_of_no_rows_are_refused_for_what_they_are(tag, tmp_path) -> None:
    path = write(tmp_path / "a.tiff", page_of(CLASSES, t278=tag))
    with pytest.raises(UnsupportedImageError, match=rf"has strips of {tag[1][0]} rows \(RowsPerStrip\)"):
        open_slide(str(path))


@pytest.mark.parametrize("tag", [(LONG, [2**32 - 1]), (SHORT, [2**16 - 1]), (LONG, [])])
def test_more_rows_per_strip_than_there_are_mean_one_strip(tag, tmp_path) -> None:
    np.testing.assert_array_equal(read(write(tmp_path / "a.tiff", page_of(CLASSES, t278=tag))), CLASSES)
