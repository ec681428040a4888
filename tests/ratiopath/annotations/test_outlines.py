"""Outlines as drawn and the polygons that are built of them."""

import numpy as np
import pytest
import shapely

from ratiopath.annotations import Annotations, Outlines
from ratiopath.annotations.annotations import NO_AREA
from ratiopath.annotations.outlines import BLOCK_VERTICES, placed, unit_circle
from ratiopath.errors import TruncatedError

SQUARE = [(0, 0), (4, 0), (4, 4), (0, 4)]
HOLE = [(1, 1), (2, 1), (2, 2), (1, 2)]


def outlines_of(*shapes: list, label: str = "tumor") -> Outlines:
    outlines = Outlines("a.json", "geojson")
    for rings in shapes:
        outlines.add(label, rings)
    return outlines


def areas(outlines: Outlines) -> list[float]:
    return shapely.area(Annotations.of(outlines).polygons).tolist()


def test_a_hole_is_left_out():
    assert areas(outlines_of([SQUARE, HOLE])) == [15]


def test_a_third_coordinate_is_dropped():
    assert areas(outlines_of([[(x, y, 7) for x, y in SQUARE]])) == [16]


def test_an_outline_of_two_vertices_is_counted():
    assert Annotations.of(outlines_of([SQUARE[:2]], [SQUARE])).ignored == {NO_AREA: 1}


def test_the_index_of_an_outline_skips_those_without_area():
    assert Annotations.of(outlines_of([SQUARE[:2]], [SQUARE])).outline.tolist() == [1]


def test_an_outline_without_rings_is_counted():
    assert Annotations.of(outlines_of([])).ignored == {NO_AREA: 1}


def test_a_bow_tie_is_repaired_to_both_its_triangles():
    assert sum(areas(outlines_of([[(0, 0), (10, 10), (10, 0), (0, 10)]]))) == 50


def test_the_parts_of_a_repaired_outline_keep_their_place():
    bow_tie = [[(0, 0), (10, 10), (10, 0), (0, 10)]]

    assert Annotations.of(outlines_of([SQUARE], bow_tie, [SQUARE])).outline.tolist() == [0, 1, 1, 2]


def test_the_bounding_box_of_no_outlines_is_nan():
    assert np.isnan(Annotations.of(outlines_of()).bounds).all()


def test_rings_are_given_back_as_they_were_added():
    assert [ring.tolist() for ring in outlines_of([SQUARE, HOLE], [HOLE]).rings] == [
        [list(vertex) for vertex in ring] for ring in (SQUARE, HOLE, HOLE)
    ]


def test_many_outlines_are_those_added_one_by_one():
    many = Outlines("a.json", "geojson")
    many.add_many(["tumor", "tumor"], np.array([*SQUARE, *HOLE, *HOLE], float), [4, 4, 4], [2, 1])

    expected = Annotations.of(outlines_of([SQUARE, HOLE], [HOLE])).polygons
    assert shapely.equals_exact(Annotations.of(many).polygons, expected).all()


def test_the_polygons_of_all_blocks_are_built():
    outlines = Outlines("a.json", "geojson")
    circle = unit_circle(BLOCK_VERTICES // 2 + 1)
    for index in range(5):
        outlines.add(str(index), [circle + 10 * index])

    found = Annotations.of(outlines)

    assert [found.labels[index] for index in found.label_index] == list("01234")
    assert shapely.area(found.polygons) == pytest.approx([np.pi] * 5)
    assert shapely.centroid(found.polygons[4]).x == pytest.approx(40)


def test_a_coordinate_that_is_not_finite_names_the_outline():
    outlines = outlines_of([SQUARE], [[(0, 0), (1, float("nan")), (1, 1)]])

    with pytest.raises(TruncatedError, match="number 2"):
        Annotations.of(outlines)


def test_an_absurd_coordinate_is_refused():
    with pytest.raises(TruncatedError, match="number 1"):
        Annotations.of(outlines_of([[(0, 0), (1e300, 0), (1, 1)]]))


def test_polygons_of_nested_collections_are_added():
    inner = shapely.GeometryCollection([shapely.box(0, 0, 1, 1), shapely.Point(0, 0)])
    outlines = Outlines("a.csv", "wkt")
    outlines.add_geometry("tumor", shapely.GeometryCollection([inner, shapely.MultiPolygon([shapely.box(2, 2, 4, 4)])]))

    assert areas(outlines) == [1, 4]
    assert outlines.ignored == {"Point": 1}


def test_a_geometry_has_the_layer_that_was_given():
    outlines = Outlines("a.xml", "imagescope")
    outlines.add_geometry("tumor", shapely.box(0, 0, 1, 1), layer=3, is_negative=True)

    assert (outlines.layers, outlines.is_negative) == ([3], [True])


def test_another_part_of_a_file_has_layers_of_its_own():
    first, second = outlines_of([SQUARE]), outlines_of([HOLE])
    first.extend(second)

    assert first.layers == [0, 1]


def test_the_repairs_of_a_reader_are_counted_in_pixels():
    outlines = outlines_of([SQUARE])
    outlines.repaired, outlines.area_changed = 1, 5.0

    found = Annotations.of(outlines, scale=(2.0, 3.0))

    assert (found.repaired, found.area_changed) == (1, 30)


@pytest.mark.parametrize("vertices", [3, 128, 4096])
def test_a_circle_has_its_exact_area(vertices):
    assert shapely.Polygon(unit_circle(vertices)).area == pytest.approx(np.pi, rel=1e-12)


def test_a_shape_turns_from_x_towards_y():
    turned = placed(np.array([(1.0, 0.0)]), (2, 1), (10, 10), np.pi / 2)

    np.testing.assert_allclose(turned, [(10, 12)], atol=1e-12)
