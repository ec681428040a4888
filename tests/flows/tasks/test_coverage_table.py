"""The columns of the coverage table equal the oracle."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
import pytest
import shapely

from flows.tasks.coverage_table import coverage_table
from flows.tasks.shared_overlays import SharedOverlays
from ratiopath.errors import MissingMppError, SlideNotFoundError, UnsupportedFormatError
from ratiopath.frame import SlideFrame
from ratiopath.geometry import Extent, Mpp
from ratiopath.overlays import AnnotationOptions, TileWindows
from ratiopath.overlays.raster import RasterOverlay
from ratiopath.roi import Roi
from schemas.coverage import coverage
from schemas.grid import GRID
from schemas.table import checked
from tests.support import oracles
from tests.support.annotation_files import asap
from tests.support.counting_reader import CountingReader
from tests.support.study import MASK_SIZE, configured, random_labels, write_mask

TILES = [(x, y) for y in (0, 16, 40, 200) for x in (0, 16, 56, 300)]
"""(x, y) of tiles inside, across the right and lower edges of slide and mask, and outside, in pixels."""
FRAME = SlideFrame("slide.tiff", Extent(64, 48), Mpp(0.5, 0.5))
"""Slide of the grid, 64 x 48 px at 0.5 µm/px."""


def grid(mpp: float | None = 0.5) -> pa.Table:
    x, y = np.array(TILES).T
    constants = {"slide_id": "0" * 64, "path": "slide.tiff", "level": 0, "tile_extent_x": 16, "tile_extent_y": 16}
    columns = {name: pa.repeat(value, len(TILES)) for name, value in constants.items()}
    mpps = {name: pa.array([mpp] * len(TILES), pa.float64()) for name in ("mpp_x", "mpp_y")}
    table = pa.table({**columns, "tile_x": x, "tile_y": y, **mpps}).select(GRID.arrow.names)
    return checked(table, GRID)


def cover(paths: dict[str, Path | None], tiles: pa.Table | None = None, **changes: Any) -> pa.Table:
    config = configured(Path("/s"), keep=None, **changes)
    found = {name: None if path is None else str(path) for name, path in paths.items()}
    tiles = grid() if tiles is None else tiles
    frame = replace(FRAME, mpp=Mpp.optional(tiles["mpp_x"][0].as_py()))
    return checked(coverage_table(tiles, frame, found, config)[0], coverage(config.overlay_columns))


def overlays(**changes: Any) -> dict[str, Any]:
    return {"m": {"path": "x", "classes": {"low": [1, 2], "high": [3], "absent": [9], "all": [0, 1, 2, 3]}, **changes}}


@pytest.mark.parametrize("roi", [None, [2, 3, 9.5, 20], "POLYGON ((0 0, 16 0, 0 16, 0 0))"])
def test_maps_and_classes_equal_the_oracle(tmp_path, roi) -> None:
    labels = write_mask(tmp_path / "m.tiff", random_labels(7, (0, 1, 2, 3)))
    table = cover({"m": tmp_path / "m.tiff"}, overlays=overlays(), roi=roi)
    region = {None: shapely.box(0, 0, 16, 16)}.get(roi if roi is None else 0) or (
        shapely.from_wkt(roi) if isinstance(roi, str) else shapely.box(*roi)
    )
    for (x, y), row in zip(TILES, table.to_pylist(), strict=True):
        expected = oracles.overlap([labels], (1.0, 1.0), x, y, (0.5, 0.5), region)
        assert dict(row["m_overlap"]) == pytest.approx(expected, abs=1e-15)
        if expected:
            assert row["low"] == pytest.approx(expected.get("1", 0) + expected.get("2", 0), abs=1e-15)
            assert row["high"] == pytest.approx(expected.get("3", 0), abs=1e-15)
            assert (row["absent"], row["all"]) == (0.0, 1.0)
        else:
            assert [row[name] for name in ("low", "high", "absent", "all", "m_inside")] == [None] * 4 + [0.0]


def test_area_counting_takes_part_of_a_pixel(tmp_path) -> None:
    labels = np.zeros(MASK_SIZE, np.uint8)
    labels[:, 1] = 1
    write_mask(tmp_path / "m.tiff", labels)
    paths, roi = {"m": tmp_path / "m.tiff"}, [0, 0, 2.5, 4]  # 1.25 x 2 px of the mask
    rules = ("centre", "area")
    centre, area = (cover(paths, overlays=overlays(counting=rule), roi=roi)["low"][0].as_py() for rule in rules)
    assert (centre, area) == (0.0, pytest.approx(0.25 / 1.25, abs=1e-12))


@pytest.mark.parametrize("counting", ["centre", "area"])
def test_the_uncertainty_is_null_where_nothing_is_known(tmp_path, counting) -> None:
    write_mask(tmp_path / "m.tiff", np.ones(MASK_SIZE, np.uint8))
    changes = overlays(uncertainty=True, counting=counting)
    table = cover({"m": tmp_path / "m.tiff"}, overlays=changes)
    found = dict(zip(TILES, table["m_uncertainty"].to_pylist(), strict=True))
    assert (found[0, 0], found[56, 0], found[300, 0]) == (0.5 * (32 + 4) / 64, 0.5 * (32 + 4) / 32, None)
    changes["m"]["missing"] = "zero"
    assert cover({"m": None}, overlays=changes)["m_uncertainty"].null_count == len(TILES)


def test_neighbouring_integers_beyond_double_precision_are_two_classes(tmp_path) -> None:
    labels = np.full(MASK_SIZE, 2**53, np.uint64)
    labels[:, 1::2] += np.uint64(1)
    write_mask(tmp_path / "m.tiff", labels)
    classes = {"even": [2**53], "odd": [2**53 + 1]}
    table = cover({"m": tmp_path / "m.tiff"}, overlays=overlays(classes=classes))
    assert [table[name][0].as_py() for name in classes] == [0.5, 0.5]


def test_inside_is_the_share_of_the_roi_that_the_overlay_has(tmp_path) -> None:
    write_mask(tmp_path / "m.tiff", np.zeros(MASK_SIZE, np.uint8))  # covers 64 x 48 px of the slide
    table = cover({"m": tmp_path / "m.tiff"}, overlays=overlays())
    inside = dict(zip(TILES, table["m_inside"].to_pylist(), strict=True))
    assert (inside[0, 0], inside[56, 0], inside[0, 40], inside[56, 40], inside[300, 0]) == (1, 0.5, 0.5, 0.25, 0)
    assert table["m_path"].to_pylist() == [str(tmp_path / "m.tiff")] * len(TILES)


def test_each_overlay_has_its_own_roi_and_shares_a_file(tmp_path) -> None:
    labels = write_mask(tmp_path / "m.tiff", random_labels(3, (0, 64, 128, 255)))
    both = {
        "whole": {"path": "x", "classes": {"high": ["128..255"], "some": [">0"]}},
        "centre": {"path": "x", "classes": {"dark": ["<=64"]}, "roi": [4, 4, 12, 12]},
        "again": {"path": "x", "classes": {"black": [0]}, "roi": [0, 0, 16, 16]},
    }
    paths = dict.fromkeys(both, tmp_path / "m.tiff")
    rows = cover(paths, overlays=both, roi="POLYGON ((0 0, 16 0, 0 16, 0 0))").to_pylist()
    rois = [shapely.Polygon([(0, 0), (16, 0), (0, 16)]), shapely.box(4, 4, 12, 12), shapely.box(0, 0, 16, 16)]
    for (x, y), row in zip(TILES, rows, strict=True):
        whole, centre, again = (oracles.overlap([labels], (1.0, 1.0), x, y, (0.5, 0.5), roi) for roi in rois)
        assert [dict(row[f"{name}_overlap"]) for name in both] == [
            pytest.approx(found, abs=1e-15) for found in (whole, centre, again)
        ]
        if whole and centre and again:
            assert row["high"] == pytest.approx(whole.get("128", 0) + whole.get("255", 0), abs=1e-15)
            assert row["some"] == pytest.approx(1 - whole.get("0", 0), abs=1e-15)
            assert row["dark"] == pytest.approx(centre.get("0", 0) + centre.get("64", 0), abs=1e-15)
            assert row["black"] == pytest.approx(again.get("0", 0), abs=1e-15)
    inside = dict(zip(TILES, [(row["centre_inside"], row["again_inside"]) for row in rows], strict=True))
    assert inside[56, 0] == (0.5, 0.5)


def test_counting_by_area_and_statistics_may_share_a_file_with_a_class(tmp_path) -> None:
    labels = write_mask(tmp_path / "m.tiff", random_labels(3, (0, 1)))
    several = {
        "centre": {"path": "x", "classes": {"one": [1]}, "roi": [0, 0, 15, 16]},
        "area": {"path": "x", "classes": {"part": [1]}, "roi": [0, 0, 15, 16], "counting": "area"},
        "score": {"path": "x", "stats": ["mean"], "roi": [0, 0, 8, 8]},
    }
    first = cover(dict.fromkeys(several, tmp_path / "m.tiff"), overlays=several).to_pylist()[0]
    assert first["one"] == (labels[:8, :8] == 1).mean()
    weights = np.array([1.0] * 7 + [0.5])
    assert first["part"] == pytest.approx(((labels[:8, :8] == 1) * weights).sum() / 60, abs=1e-12)
    assert first["score_mean"] == labels[:4, :4].mean()


def test_a_file_is_opened_once_for_all_overlays_that_read_it_alike(tmp_path) -> None:
    write_mask(tmp_path / "m.tiff", random_labels(3, (0, 1)))
    same = {"path": "x", "classes": {}}
    several = {
        "a": same,
        "b": {**same, "roi": [0, 0, 4, 4]},
        "c": {**same, "align": "mpp"},
        "d": {**same, "align": "mpp"},
    }
    config = configured(tmp_path, overlays=several, keep=None)
    with SharedOverlays(dict.fromkeys(several, str(tmp_path / "m.tiff")), config, {"d": 2.0}) as shared:
        a, b, c, d = (shared.image(name, FRAME) for name in several)
        assert a is b
        assert len({id(image) for image in (a, c, d)}) == 3


def test_classes_and_statistics_of_one_file_decode_each_chunk_once(tmp_path) -> None:
    several = {
        "both": {"path": "x", "classes": {"one": [1]}, "stats": ["mean", "share>=0.5"], "scale": [0, 2]},
        "score": {"path": "x", "stats": ["q95"], "roi": [4, 4, 12, 12]},
    }
    config = configured(tmp_path, overlays=several, keep=None)
    labels = np.random.default_rng(3).integers(0, 3, (48, 64), dtype=np.uint8)
    corners = np.array([0.0, 16.0, 40.0])
    windows_of = {
        name: TileWindows(corners, corners / 2, Mpp(0.5, 0.5), config.region_of(Extent(16, 16), name))
        for name in several
    }
    reader = CountingReader([labels], Mpp(0.5, 0.5), chunk=Extent(16, 16))
    with SharedOverlays(dict.fromkeys(several, "m.tiff"), config, {}) as shared, RasterOverlay(reader) as image:
        shares, statistics = shared.measure("both", image, windows_of)
        nothing, score = shared.measure("score", image, windows_of)

    assert len(reader.decoded) == len(set(reader.decoded)) > 3
    assert nothing is None
    patches = [labels[y : y + 16, x : x + 16] for x, y in ((0, 0), (16, 8), (40, 20))]
    assert shares.share_of(["1"]).tolist() == [(patch == 1).mean() for patch in patches]
    assert statistics.values.tolist() == [[patch.mean(), (patch >= 1).mean()] for patch in patches]
    assert score.values[:, 0].tolist() == [np.quantile(patch[4:12, 4:12], 0.95) for patch in patches]


def test_outlines_are_read_once_whatever_their_labels_mean(tmp_path) -> None:
    box = [(0.0, 0.0), (8.0, 0.0), (8.0, 16.0), (0.0, 16.0)]
    (tmp_path / "a.xml").write_bytes(asap([("Tumor", box), ("Gap", box)]))
    with SharedOverlays({}, configured(tmp_path), {}) as shared:
        plain, other = (
            shared.annotation(str(tmp_path / "a.xml"), FRAME, AnnotationOptions.of(ignore=ignore))
            for ignore in ((), ("Gap",))
        )
        (tmp_path / "a.xml").unlink()
        again = shared.annotation(str(tmp_path / "a.xml"), FRAME, AnnotationOptions.of(ignore=()))
        windows = TileWindows(np.zeros(1), np.zeros(1), Mpp(0.5, 0.5), Roi(shapely.box(0, 0, 16, 16)))
        assert again is plain
        assert [one.shares(windows).keys for one in (plain, other)] == [("0", "Gap + Tumor"), ("0",)]


def test_scores_without_a_number_are_noted_as_such(tmp_path) -> None:
    (tmp_path / "s.csv").write_text(
        'label,geometry\n0.5,"POLYGON ((0 0, 8 0, 8 16, 0 16, 0 0))"\n,"POLYGON ((20 0, 30 0, 30 9, 20 0))"\n'
    )
    config = configured(tmp_path, overlays={"s": {"path": "x", "stats": ["mean"]}}, keep=None)
    table, findings = coverage_table(grid(), FRAME, {"s": str(tmp_path / "s.csv")}, config)
    assert table["s_mean"].to_pylist()[:2] == [0.5, None]
    assert findings.notes == ["overlay s: 1 outlines without a number are in no statistic"]


def test_the_dominant_class_is_the_first_of_the_greatest_shares(tmp_path) -> None:
    labels = np.zeros(MASK_SIZE, np.uint8)
    labels[:8, :8] = [[1, 1, 1, 2, 2, 2, 0, 0]] * 8  # tile (0, 0)
    labels[:8, 8:16] = [[2, 2, 2, 2, 3, 3, 3, 0]] * 8  # tile (16, 0)
    write_mask(tmp_path / "m.tiff", labels)
    classes = {"two": [2], "one": [1], "three": [3], "none": [9]}
    table = cover({"m": tmp_path / "m.tiff"}, overlays={"m": {"path": "x", "classes": classes, "dominant": True}})
    found = dict(zip(TILES, table["m_dominant"].to_pylist(), strict=True))
    assert (found[0, 0], found[16, 0], found[0, 16], found[300, 200]) == ("two", "two", None, None)
    for row in table.to_pylist():
        shares = {name: row[name] or 0 for name in classes}
        greatest = max(shares.values())
        expected = next(name for name in classes if shares[name] == greatest) if greatest else None
        assert row["m_dominant"] == expected


@pytest.mark.parametrize("missing", ["null", "zero"])
def test_a_missing_overlay_has_no_dominant_class(missing: str) -> None:
    table = cover({"m": None}, overlays=overlays(missing=missing, dominant=True))
    assert set(table["m_dominant"].to_pylist()) == {None}


@pytest.mark.parametrize(("missing", "share"), [("null", None), ("zero", 0.0)])
def test_a_missing_overlay_is_null_or_zero(missing: str, share: float | None) -> None:
    table = cover({"m": None}, overlays=overlays(missing=missing))
    assert set(table["low"].to_pylist()) == {share}
    assert table["m_path"].null_count == len(TILES)
    assert all(len(found) == 0 for found in table["m_overlap"].to_pylist())
    assert set(table["m_inside"].to_pylist()) == {0.0}


def test_outside_the_overlay_classes_are_null_for_any_missing(tmp_path) -> None:
    write_mask(tmp_path / "m.tiff", np.ones(MASK_SIZE, np.uint8))
    for missing in ("fail", "null", "zero"):
        table = cover({"m": tmp_path / "m.tiff"}, overlays=overlays(missing=missing))
        assert dict(zip(TILES, table["low"].to_pylist(), strict=True))[300, 200] is None


def test_several_overlays_keep_their_order_and_resolution(tmp_path) -> None:
    write_mask(tmp_path / "a.tiff", np.ones(MASK_SIZE, np.uint8))
    write_mask(tmp_path / "b.tiff", np.ones(MASK_SIZE, np.uint8), mpp=9.0)
    both = {"b": {"path": "x", "classes": {"one": [1]}, "mpp": 1.0}, "a": {"path": "x", "classes": {"two": [1]}}}
    table = cover({"a": tmp_path / "a.tiff", "b": tmp_path / "b.tiff"}, overlays=both)
    assert table.column_names[-8:] == [
        "b_path",
        "b_overlap",
        "b_inside",
        "one",
        "a_path",
        "a_overlap",
        "a_inside",
        "two",
    ]
    assert table["one"].to_pylist() == table["two"].to_pylist()


def test_a_class_may_be_a_colour(tmp_path) -> None:
    colours = np.zeros((*MASK_SIZE, 3), np.uint8)
    colours[:, 16:] = (255, 0, 0)
    write_mask(tmp_path / "m.tiff", colours)
    classes = {"m": {"path": "x", "classes": {"red": ["255, 0, 0"], "black": ["0,0,0"]}}}
    rows = dict(zip(TILES, cover({"m": tmp_path / "m.tiff"}, overlays=classes).to_pylist(), strict=True))
    assert (rows[0, 0]["red"], rows[0, 0]["black"]) == (0.0, 1.0)
    assert (rows[56, 0]["red"], rows[56, 0]["black"]) == (1.0, 0.0)


def test_a_float_label_matches_an_integer_value(tmp_path) -> None:
    write_mask(tmp_path / "m.tiff", np.full(MASK_SIZE, 2, np.float32))
    assert cover({"m": tmp_path / "m.tiff"}, overlays=overlays())["low"][0].as_py() == 1.0


def test_a_slide_without_mpp_is_aligned_by_size(tmp_path) -> None:
    write_mask(tmp_path / "m.tiff", random_labels(7, (0, 1, 2, 3)))
    expected = cover({"m": tmp_path / "m.tiff"}, overlays=overlays())
    found = cover({"m": tmp_path / "m.tiff"}, grid(mpp=None), overlays=overlays())
    columns = ["m_overlap", "m_inside", "low", "high"]
    assert found.select(columns).equals(expected.select(columns))


def test_a_slide_without_mpp_cannot_be_aligned_with_an_overlay_of_another_shape(tmp_path) -> None:
    write_mask(tmp_path / "m.tiff", np.ones((32, 24), np.uint8))
    with pytest.raises(MissingMppError, match=r"slide 'slide\.tiff' has no resolution .* is not aligned by size"):
        cover({"m": tmp_path / "m.tiff"}, grid(mpp=None), overlays=overlays())
    assert cover({"m": None}, grid(mpp=None), overlays=overlays(missing="zero")).num_rows == len(TILES)


def test_outlines_in_pixels_need_no_mpp_of_the_slide_and_those_in_micrometres_do(tmp_path) -> None:
    (tmp_path / "s.csv").write_text('geometry,label\n"POLYGON ((4 0, 12 0, 12 8, 4 8, 4 0))",2\n')
    drawn = {"s": {"path": "{dir}/{stem}.csv", "classes": {"low": ["2"]}}}
    [first, *_] = cover({"s": tmp_path / "s.csv"}, grid(mpp=None), overlays=drawn)["low"].to_pylist()
    assert first == 64 / 256
    with pytest.raises(MissingMppError, match=r"has coordinates in a physical unit, and .* no resolution"):
        cover({"s": tmp_path / "s.csv"}, grid(mpp=None), overlays={"s": {**drawn["s"], "unit": "um"}})


def test_a_missing_overlay_file_is_named(tmp_path) -> None:
    with pytest.raises(SlideNotFoundError, match=r"gone\.tiff"):
        cover({"m": tmp_path / "gone.tiff"}, overlays=overlays())


STATS = {"m": {"path": "x", "stats": ["mean", "q95", "share>=0.5"], "scale": [0, 200]}}


def test_statistics_equal_the_oracle_and_need_no_map(tmp_path) -> None:
    numbers = write_mask(tmp_path / "m.tiff", random_labels(7, tuple(range(200))))
    table = cover({"m": tmp_path / "m.tiff"}, overlays=STATS)
    assert table.column_names[-5:] == ["m_path", "m_inside", "m_mean", "m_q95", "m_share_ge_0_5"]
    for (x, y), row in zip(TILES, table.to_pylist(), strict=True):
        box = shapely.box(0, 0, 16, 16)
        patch, outside = oracles.overlay_patch([numbers], (1.0, 1.0), x, y, (0.5, 0.5), box)
        found = patch[~outside] / 200
        measured = [row["m_mean"], row["m_q95"], row["m_share_ge_0_5"]]
        if len(found):
            expected = [found.mean(), np.quantile(found, 0.95), (found >= 0.5).mean()]
            assert measured == pytest.approx(expected, rel=1e-12)
        else:
            assert measured == [None] * 3
        assert row["m_inside"] == len(found) / outside.size


def test_statistics_stand_beside_classes(tmp_path) -> None:
    write_mask(tmp_path / "m.tiff", np.full(MASK_SIZE, 3, np.uint8))
    table = cover({"m": tmp_path / "m.tiff"}, overlays=overlays(stats=["max"]))
    assert (table["high"][0].as_py(), table["m_max"][0].as_py(), dict(table["m_overlap"][0].as_py())) == (
        1,
        3,
        {"3": 1},
    )


def test_a_missing_heat_map_has_no_statistics(tmp_path) -> None:
    table = cover({"m": None}, overlays={"m": {**STATS["m"], "missing": "zero"}})
    assert table["m_mean"].null_count == table["m_path"].null_count == len(TILES)
    assert set(table["m_inside"].to_pylist()) == {0.0}


def test_scores_of_patches_are_weighted_by_area(tmp_path) -> None:
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file["coords"], file["scores"] = [[0, 0], [16, 0]], [0.25, 0.75]
    found = cover(
        {"m": tmp_path / "m.h5"}, overlays={"m": {"path": "x", "stats": "mean", "patch_size": 24}}
    ).to_pylist()
    rows = dict(zip(TILES, found, strict=True))
    assert (rows[0, 0]["m_mean"], rows[0, 0]["m_inside"]) == (0.25, 1)
    assert rows[16, 0]["m_mean"] == pytest.approx((8 * 0.25 + 16 * 0.75) / 24)
    assert (rows[300, 0]["m_mean"], rows[300, 0]["m_inside"]) == (None, 0)


def test_options_of_scores_are_refused_on_an_image(tmp_path) -> None:
    write_mask(tmp_path / "m.tiff", np.ones(MASK_SIZE, np.uint8))
    with pytest.raises(UnsupportedFormatError, match=r"is an image, and overlays\.m has options of annotations: meas"):
        cover({"m": tmp_path / "m.tiff"}, overlays={"m": {"path": "x", "stats": ["mean"], "measurement": "score"}})
