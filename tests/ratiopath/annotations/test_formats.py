"""One annotation in every format, and the laws that all readers keep."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from ratiopath.annotations import Annotations, is_annotation, read_outlines
from tests.support.annotation_tables import WITHOUT_HOLES, WRITERS, Shape

FORMATS = {"geojson_list": "geojson", "geojson_gz": "geojson", "geojson_zip": "geojson", "geoarrow": "geoparquet"} | {
    "wkt_csv": "wkt", "wkt_parquet": "wkt", "slideflow": "wkt",
}  # fmt: skip
"""Names of formats other than their writers'."""


@st.composite
def shapes(draw: st.DrawFn) -> list[Shape]:
    """Draw convex outlines at fractional positions, some with a hole."""
    found = []
    for _ in range(draw(st.integers(1, 6))):
        centre = np.array([draw(st.floats(-1e5, 1e5)), draw(st.floats(-1e5, 1e5))])
        corners = draw(st.integers(3, 12))
        at = np.arange(corners) * 2 * np.pi / corners + draw(st.floats(0, 6))
        circle = np.stack([np.cos(at), np.sin(at)], axis=1)
        radius = draw(st.floats(1, 1e4))
        radii = [radius, radius / 4] if draw(st.booleans()) else [radius]
        rings = [[(x, y) for x, y in (centre + r * circle).tolist()] for r in radii]
        found.append((draw(st.sampled_from(["Tumor", "Stroma: CD8", "a/b", "Ödem"])), rings))
    return found


def read(content: bytes) -> Annotations:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "annotation")
        path.write_bytes(content)
        return Annotations.of(read_outlines(str(path)))


def expected(drawn: Sequence[Shape]) -> list[tuple[str, shapely.Geometry]]:
    return [(label, shapely.normalize(shapely.Polygon(rings[0], rings[1:]))) for label, rings in drawn]


def found(annotations: Annotations) -> list[tuple[str, shapely.Geometry]]:
    labels = [annotations.labels[index] for index in annotations.label_index]
    return list(zip(labels, shapely.normalize(annotations.polygons).tolist(), strict=True))


@pytest.mark.parametrize("name", WRITERS)
@given(drawn=shapes())
def test_every_format_gives_the_same_polygons(name, drawn):
    assert found(read(WRITERS[name](drawn))) == expected(drawn)


@pytest.mark.parametrize("name", WITHOUT_HOLES)
@given(drawn=shapes())
def test_every_format_without_holes_gives_the_same_shells(name, drawn):
    shells = [(label, rings[:1]) for label, rings in drawn]

    assert found(read(WITHOUT_HOLES[name](shells))) == expected(shells)


@pytest.mark.parametrize("name", WRITERS | WITHOUT_HOLES)
def test_every_format_is_recognised(name, tmp_path):
    path = tmp_path / "annotation"
    path.write_bytes((WRITERS | WITHOUT_HOLES)[name]([("a", [[(0.0, 0.0), (1.0, 0.0), (1.0, 1.0)]])]))

    assert is_annotation(str(path))
    assert read_outlines(str(path)).format == FORMATS.get(name, name)


@pytest.mark.parametrize("name", [name for name in WRITERS | WITHOUT_HOLES if name != "slideflow"])
def test_a_file_without_outlines_is_valid(name, tmp_path):
    path = tmp_path / "annotation"
    path.write_bytes((WRITERS | WITHOUT_HOLES)[name]([]))

    assert len(Annotations.of(read_outlines(str(path)))) == 0
