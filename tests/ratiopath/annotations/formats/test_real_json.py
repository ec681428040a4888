"""Real files of other projects: JSON, text, and what is no annotation."""

import json
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import shapely

from ratiopath.annotations import Annotations, read_outlines
from ratiopath.errors import UnsupportedFormatError

FOLDER = Path(__file__).parents[5] / "shared/data/real"
GEOJSON = sorted(path for path in FOLDER.glob("*json") if "coordinates.meta" not in path.name)
REFUSED = {
    "*cytomine*": "Cytomine",
    "*.meta.json": "keys",
    "*.npz": "NumPy",
    "*.npy": "NumPy",
    "*.tif*": "TIFF",
    "*.png": "PNG",
    "*.dcm": "no known format",
}

pytestmark = pytest.mark.skipif(not GEOJSON, reason="the real files are not part of the repository")


def geometries(node: Any) -> Iterator[dict]:
    """Iterate over the objects of a file that have coordinates."""
    for child in node if isinstance(node, list) else node.values() if isinstance(node, dict) else ():
        yield from geometries(child)
    if isinstance(node, dict) and "coordinates" in node:
        yield node


def shoelace(ring: list) -> float:
    x0, y0 = ring[0]  # near the ring, so that no digits are lost
    moved = [(x - x0, y - y0) for x, y in ring]
    return abs(sum(a * d - c * b for (a, b), (c, d) in pairwise([*moved, moved[0]]))) / 2


def area_of(geometry: dict) -> float:
    kind, coordinates = geometry["type"], geometry["coordinates"]
    polygons = {"Polygon": [coordinates], "MultiPolygon": coordinates}.get(kind, [])
    return sum(shoelace(rings[0]) - sum(map(shoelace, rings[1:])) for rings in polygons)


@pytest.mark.parametrize("path", GEOJSON, ids=lambda path: path.stem)
def test_the_area_is_that_of_the_coordinates(path):
    expected = sum(map(area_of, geometries(json.loads(path.read_text()))))

    found = Annotations.of(read_outlines(str(path)))

    assert shapely.area(found.polygons).sum() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("path", GEOJSON, ids=lambda path: path.stem)
def test_what_has_no_area_is_counted(path):
    kinds = Counter(geometry["type"] for geometry in geometries(json.loads(path.read_text())))

    found = Annotations.of(read_outlines(str(path)))

    assert found.ignored == {kind: count for kind, count in kinds.items() if "Polygon" not in kind}


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("*dlup__qupath05*", ("I", "UT")),
        ("*geojson_example*", ("Invborder", "Tumor")),
        ("*holed*", ("",)),
        ("*cell-classified*", ("Cell", "Nucleus")),
        ("*qupath-wand*", ("wand",)),
        ("*TCGA-EJ-5519*.json", ("Negative", "Other", "Tumor")),
        ("scverse__*__polygon*", ("",)),
    ],
)
def test_the_labels_are_the_classes_else_the_names(name, labels):
    (path,) = FOLDER.glob(name)

    assert Annotations.of(read_outlines(str(path))).labels == labels


def test_the_areas_of_the_tcga_slide_are_those_of_qupath():
    (path,) = FOLDER.glob("*TCGA-EJ-5519*.json")
    found = Annotations.of(read_outlines(str(path)))
    areas = dict.fromkeys(found.labels, 0.0)
    for index, area in zip(found.label_index, shapely.area(found.polygons), strict=True):
        areas[found.labels[index]] += area

    assert sorted(map(round, areas.values())) == [1_064_953, 28_797_372, 3_050_322_309]


@pytest.mark.parametrize("pattern", REFUSED)
def test_another_file_is_refused_by_name(pattern):
    for path in FOLDER.glob(pattern):
        with pytest.raises(UnsupportedFormatError, match=REFUSED[pattern]):
            read_outlines(str(path))
