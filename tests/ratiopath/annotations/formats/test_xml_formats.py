"""XML annotations become the polygons that were drawn."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ratiopath.annotations.annotations import Annotations
from ratiopath.annotations.formats.asap import read_asap
from ratiopath.annotations.formats.halo import read_halo
from ratiopath.annotations.formats.imagescope import read_imagescope
from ratiopath.annotations.formats.ndpa import read_ndpa
from ratiopath.annotations.formats.xml import parse_xml, xml_format
from ratiopath.annotations.outlines import Format, LabelFrom, Outlines, ReadOptions
from ratiopath.annotations.read import read_outlines
from ratiopath.errors import SlideError, TruncatedError, UnsupportedFormatError
from tests.support.annotation_files import asap, halo, imagescope, ndpa, region

REAL = Path(__file__).parents[5] / "shared" / "data" / "real"
SQUARE = [(10.5, 20.25), (30.5, 20.25), (30.5, 40.25), (10.5, 40.25)]
TRIANGLE = [(100.0, 100.0), (140.0, 100.0), (100.0, 130.0)]
DEFAULTS = ReadOptions()
OUTLINES = [("tumor", SQUARE), ("stroma & more", TRIANGLE)]
READERS: dict[Format, Callable] = {
    "asap": read_asap, "imagescope": read_imagescope, "halo": read_halo, "ndpa": read_ndpa,
}  # fmt: skip


def read(content: bytes, options: ReadOptions = DEFAULTS, path: str = "a.xml") -> Outlines:
    root = parse_xml(content, path)
    found = xml_format(root, options.format)
    assert found is not None
    outlines = Outlines(path, found)
    READERS[found](root, outlines, options)
    return outlines


def areas(content: bytes, options: ReadOptions = DEFAULTS) -> list[tuple[str, float]]:
    """Label and area of each polygon."""
    annotations = Annotations.of(read(content, options))
    return [
        (annotations.labels[label], polygon.area)
        for label, polygon in zip(annotations.label_index, annotations.polygons, strict=True)
    ]


def layered(*regions: str, **attributes: str) -> bytes:
    """One layer of ImageScope."""
    named = " ".join(f'{name}="{value}"' for name, value in attributes.items())
    return f"<Annotations><Annotation {named}><Regions>{''.join(regions)}</Regions></Annotation></Annotations>".encode()


@pytest.mark.parametrize("write", [asap, imagescope, halo])
def test_every_format_gives_the_outlines_that_were_written(write) -> None:
    assert areas(write(OUTLINES)) == [("tumor", 400.0), ("stroma & more", 600.0)]


@pytest.mark.parametrize(
    ("write", "found"), [(asap, "asap"), (imagescope, "imagescope"), (halo, "halo"), (ndpa, "ndpa")]
)
def test_a_format_is_recognised_by_its_elements(write, found: Format) -> None:
    assert xml_format(parse_xml(write([("a", SQUARE)]), "a")) == found


@pytest.mark.parametrize("wanted", ["asap", "halo", "imagescope"])
def test_a_file_without_outlines_is_of_any_format_of_its_root(wanted: Format) -> None:
    assert xml_format(parse_xml(b"<Annotations/>", "a"), wanted) == wanted


def test_other_xml_is_of_no_format() -> None:
    assert xml_format(parse_xml(b"<svg><path/></svg>", "a")) is None


def test_a_namespace_is_passed_over() -> None:
    content = imagescope(OUTLINES).replace(b"<Annotations ", b"<Annotations xmlns='http://a' ", 1)
    assert areas(content) == areas(imagescope(OUTLINES))


@pytest.mark.parametrize("text", ["1", "True", "true", " 1 ", "-1"])
def test_a_flag_may_be_a_word(text: str) -> None:
    negative = region(SQUARE, is_negative=True).replace('ROA="1"', f'ROA="{text}"')
    assert read(layered(region(SQUARE), negative, Name="a")).is_negative == [False, True]
    assert read(halo([("a", SQUARE)]).replace(b'caps="0"', f'caps="{text}"'.encode())).ignored == {"open Polygon": 1}


@pytest.mark.parametrize("text", ["", "0", "False", "no"])
def test_a_flag_that_is_not_set_may_be_a_word(text: str) -> None:
    positive = region(SQUARE).replace('ROA="0"', f'ROA="{text}"')
    assert read(layered(positive, Name="a")).is_negative == [False]


@pytest.mark.parametrize("write", [imagescope, halo])
def test_a_region_in_an_unknown_place_is_not_dropped(write, tmp_path) -> None:
    (tmp_path / "a.xml").write_bytes(write(OUTLINES).replace(b"Regions>", b"Others>", 2))

    with pytest.raises(UnsupportedFormatError, match="1 element"):
        read_outlines(str(tmp_path / "a.xml"))


class TestAsap:
    def test_vertices_are_sorted_by_order(self) -> None:
        content = asap([("a", [(0, 0), (10, 0), (10, 10), (0, 10)])])
        shuffled = (
            content.replace(b'Order="1"', b'Order="9"')
            .replace(b'Order="2"', b'Order="1"')
            .replace(b'Order="9"', b'Order="2"')
        )
        [ring] = read(shuffled).rings
        assert ring.tolist() == [[0, 0], [10, 10], [10, 0], [0, 10]]

    def test_order_is_a_number(self) -> None:
        ring = [(math.cos(n / 2), math.sin(n / 2)) for n in range(12)]
        [found] = read(asap([("a", ring)])).rings
        assert found.tolist() == [list(point) for point in ring]

    def test_a_decimal_comma_is_a_point(self) -> None:
        content = asap(OUTLINES)
        assert areas(content.replace(b"0.5", b"0,5").replace(b".25", b",25")) == areas(content)

    @pytest.mark.parametrize("kind", ["Spline", "Rectangle"])
    def test_splines_and_rectangles_have_an_area(self, kind: str) -> None:
        assert areas(asap([("a", SQUARE)], kind)) == [("a", 400.0)]

    def test_a_rectangle_of_two_corners_is_a_box(self) -> None:
        assert areas(asap([("a", [(0, 0), (4, 5)])], "Rectangle")) == [("a", 20.0)]

    @pytest.mark.parametrize("kind", ["Dot", "PointSet", "Measurement", "None"])
    def test_what_has_no_area_is_counted(self, kind: str) -> None:
        assert read(asap([("a", SQUARE)], kind)).ignored == {kind: 1}

    def test_an_ungrouped_outline_has_no_label(self) -> None:
        assert read(asap([("", SQUARE)])).labels == [""]

    def test_labels_are_stripped(self) -> None:
        assert read(asap([(" a ", SQUARE)])).labels == ["a"]

    def test_an_older_file_begins_at_annotations(self) -> None:
        content = asap([("a", SQUARE)]).replace(b"<ASAP_Annotations>", b"").replace(b"</ASAP_Annotations>", b"")
        assert areas(content.replace(b"<AnnotationGroups>", b"<!--").replace(b"</AnnotationGroups>", b"-->")) == [
            ("a", 400.0)
        ]


class TestImageScope:
    def test_a_negative_region_keeps_its_layer(self) -> None:
        outlines = read(layered(region(SQUARE), region(TRIANGLE, is_negative=True)))
        assert list(zip(outlines.layers, outlines.is_negative, strict=True)) == [(0, False), (0, True)]

    def test_layers_are_told_apart(self) -> None:
        assert read(imagescope(OUTLINES)).layers == [0, 1]

    @pytest.mark.parametrize(("kind", "area"), [("1", 50.0), ("2", math.pi / 4 * 50)])
    def test_two_corners_are_a_box_or_an_ellipse(self, kind: str, area: float) -> None:
        [(_, found)] = areas(layered(region([(0, 0), (10, 5)], kind)))
        assert found == pytest.approx(area, rel=1e-12)

    @pytest.mark.parametrize("kind", ["0", "1", "2"])
    def test_many_vertices_are_a_polygon_whatever_the_type(self, kind: str) -> None:
        assert areas(layered(region(TRIANGLE, kind))) == [("", 600.0)]

    @pytest.mark.parametrize(("kind", "name"), [("3", "Arrow"), ("4", "Ruler")])
    def test_arrows_and_rulers_are_counted(self, kind: str, name: str) -> None:
        assert read(layered(region(SQUARE, kind))).ignored == {name: 1}

    @pytest.mark.parametrize(
        ("source", "label"),
        [("auto", "layer"), ("name", "layer"), ("attribute", ""), ("color", "#00FF00"), ("text", "noted")],
    )
    def test_the_source_of_a_label_can_be_chosen(self, source: LabelFrom, label: str) -> None:
        content = layered(region(SQUARE, text="noted"), Name="layer", LineColor="65280")
        assert read(content, ReadOptions(label_from=source)).labels == [label]

    def test_a_nameless_layer_is_named_by_its_attribute(self) -> None:
        content = layered(region(SQUARE), Name="", LineColor="255").replace(
            b"<Regions>", b'<Attributes><Attribute Name="CaP"/></Attributes><Regions>'
        )
        assert read(content).labels == ["CaP"]

    def test_the_last_resort_is_the_colour(self) -> None:
        assert read(layered(region(SQUARE), Name="", LineColor="16711680")).labels == ["#0000FF"]


class TestHalo:
    @pytest.mark.parametrize(("kind", "area"), [("Rectangle", 50.0), ("Ellipse", math.pi / 4 * 50)])
    def test_two_corners_are_a_box_or_an_ellipse(self, kind: str, area: float) -> None:
        [(_, found)] = areas(halo([("a", [(0, 0), (10, 5)])], kind))
        assert found == pytest.approx(area, rel=1e-12)

    @pytest.mark.parametrize("kind", ["Ruler", "Pin"])
    def test_what_has_no_area_is_counted(self, kind: str) -> None:
        assert read(halo([("a", SQUARE)], kind)).ignored == {kind: 1}

    def test_a_rectangle_of_four_vertices_may_be_turned(self) -> None:
        turned = [(10, 0), (20, 10), (10, 20), (0, 10)]
        assert areas(halo([("a", turned)], "Rectangle")) == [("a", 200.0)]

    def test_an_open_line_has_no_area(self) -> None:
        content = halo([("a", SQUARE)]).replace(b'HasEndcaps="0"', b'HasEndcaps="1"')
        assert read(content).ignored == {"open Polygon": 1}

    def test_coordinates_may_be_negative(self) -> None:
        [ring] = read(halo([("a", [(-5, -6), (10, 0), (0, 10)])])).rings
        assert ring.min() == -6

    def test_a_name_may_repeat_but_the_layers_differ(self) -> None:
        outlines = read(halo([("a", SQUARE), ("a", TRIANGLE)]))
        assert (outlines.labels, outlines.layers) == (["a", "a"], [0, 1])


class TestNdpa:
    def test_its_frame_is_the_centre_of_the_slide(self) -> None:
        assert read(ndpa([("a", SQUARE)])).frame == "slide_centre"

    def test_coordinates_in_another_unit_are_refused(self) -> None:
        content = ndpa([("a", SQUARE)]).replace(b"<annotation ", b"<coordformat>pixels</coordformat><annotation ")
        with pytest.raises(UnsupportedFormatError, match="'pixels'"):
            read(content)

    def test_an_open_line_and_other_types_are_counted(self) -> None:
        content = ndpa([("a", SQUARE), ("b", SQUARE)]).replace(b"<closed>1", b"<closed>0", 1)
        content = content.replace(b'</title><annotation type="freehand"', b'</title><annotation type="circle"')
        assert read(content).ignored == {"circle": 2}


class TestDamage:
    @pytest.mark.parametrize("text", ["0x1", "1_0", "nan", "inf", "", "1.2.3", "\uff11"])
    @pytest.mark.parametrize("write", [asap, imagescope, halo])
    def test_a_coordinate_is_a_plain_number(self, write, text: str) -> None:
        with pytest.raises(TruncatedError, match="as a coordinate of"):
            read(write([("a", [(1, 2), (3, 4), (5, 7)])]).replace(b'X="3"', f'X="{text}"'.encode()))

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le"])
    def test_a_doctype_is_refused(self, encoding: str) -> None:
        text = '<!DOCTYPE a [<!ENTITY b "c">]><Annotations>&b;</Annotations>'
        with pytest.raises((UnsupportedFormatError, TruncatedError)) as refused:
            parse_xml(text.encode(encoding), "a.xml")
        assert "DOCTYPE" in str(refused.value) or encoding == "utf-16-le"

    def test_deep_nesting_is_refused(self) -> None:
        with pytest.raises(UnsupportedFormatError, match="nested more than"):
            parse_xml(b"<a>" * 100_000, "a.xml")

    def test_an_unknown_encoding_is_refused(self) -> None:
        with pytest.raises(TruncatedError, match="damaged XML"):
            parse_xml(b'<?xml version="1.0" encoding="klingon"?><a/>', "a.xml")

    @pytest.mark.parametrize("write", [asap, imagescope, halo, ndpa])
    def test_a_file_cut_short_is_refused(self, write) -> None:
        content = write(OUTLINES).rstrip()
        for end in range(0, len(content), 7):
            with pytest.raises(SlideError):
                parse_xml(content[:end], "a.xml")


@pytest.mark.skipif(not REAL.is_dir(), reason="real files of other projects")
class TestRealFiles:
    def test_aperio_regions_have_the_areas_that_qupath_computed(self) -> None:
        content = (REAL / "pjl54__WSI_handling__TCGA-EJ-5519-01Z-00-DX1.xml").read_bytes()
        annotations = Annotations.of(read(content))
        by_outline = [0.0, 0.0, 0.0]
        for outline, polygon in zip(annotations.outline, annotations.polygons, strict=True):
            by_outline[outline] += polygon.area
        assert [round(area) for area in by_outline] == [3_050_322_256, 1_064_952, 28_797_363]

    def test_aperio_states_the_area_between_the_vertices(self) -> None:
        content = (REAL / "pjl54__WSI_handling__TCGA-EJ-5519-01Z-00-DX1.xml").read_bytes()
        stated = [float(one.get("Area", "0")) for one in parse_xml(content, "a").iter("Region")]
        for area, ring in zip(stated, read(content).rings, strict=True):
            (x, y), (x_next, y_next) = ring.T, np.roll(ring, -1, axis=0).T
            assert abs(np.sum(x * y_next - x_next * y)) / 2 == pytest.approx(area, abs=0.1)

    def test_two_corners_and_arrows_of_imagescope(self) -> None:
        outlines = read((REAL / "One-sixth__imagescope_xml_utils__test.xml").read_bytes())
        assert (len(outlines.labels), outlines.ignored) == (4, {"Arrow": 3})

    @pytest.mark.parametrize(("name", "kind"), [("dot", "Dot"), ("pointset", "PointSet")])
    def test_points_of_asap_have_no_area(self, name: str, kind: str) -> None:
        assert read((REAL / f"imi-bigpicture__wsidicom__asap-{name}.xml").read_bytes()).ignored == {kind: 1}

    def test_a_malformed_ndpa_is_refused(self) -> None:
        with pytest.raises(TruncatedError, match="damaged XML"):
            parse_xml((REAL / "rendeirolab__LazySlide__annotations_malformed.ndpa").read_bytes(), "a.ndpa")
