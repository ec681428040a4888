"""Fingerprints and provenance: a replaced file is noticed, a record survives JSON."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from flows.records.fingerprints import fingerprint
from flows.records.provenance import Provenance, coverage_settings, tiles_settings
from flows.records.slides import Slide
from ratiopath.geometry import Extent, Mpp
from tests.support.study import configured


def write(path, content, changed):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, ns=(changed, changed))


@pytest.fixture
def mirax(tmp_path):
    for name, changed in (("x.mrxs", 1000), ("x/a.dat", 5000), ("x/more/b.dat", 1000)):
        write(tmp_path / name, b"1234", changed)
    return tmp_path / "x.mrxs"


@pytest.mark.parametrize("by_content", [False, True])
def test_a_part_replaced_by_one_of_the_same_size_is_seen(mirax, by_content):
    before = fingerprint(str(mirax), by_content=by_content)
    assert fingerprint(str(mirax), by_content=by_content) == before

    write(mirax.parent / "x" / "more" / "b.dat", b"4321", 2000)

    assert fingerprint(str(mirax), by_content=by_content) != before


def test_by_content_a_time_is_no_difference(mirax):
    before = fingerprint(str(mirax), by_content=True)
    os.utime(mirax, ns=(9, 9))
    assert fingerprint(str(mirax), by_content=True) == before
    assert before["sha256"] == "03ac674216f3e15c761ee1a5e255f067953623c8b388b4459e13f978d7c846f4"


def test_a_file_that_is_not_there_has_none(tmp_path):
    with pytest.raises(FileNotFoundError):
        fingerprint(str(tmp_path / "nope"), by_content=False)


def provenance(**changes):
    extent, tile, mpp = Extent(64, 48), Extent(16, 16), Mpp(0.5, 0.25)
    slide = Slide("a-0123456789ab", "/s/a.tiff", extent, tile, tile, mpp, 0, 1.0, extent, mpp)
    parts = {"settings": {"roi": "x"}, "source": {"path": "/s/a.tiff", "size": 1, "mtime_ns": 2, "mpp": None}}
    return Provenance(
        **{**parts, "slide": slide, "overlays": {"tissue": {"path": "/s/m.tiff"}, "none": None}, **changes}
    )


@pytest.mark.parametrize("mpp", [Mpp(0.5, 0.25), None])
def test_json_gives_an_equal_provenance(mpp):
    written = provenance(slide=replace(provenance().slide, mpp=mpp))
    assert Provenance.from_json(written.to_json()) == written


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"slide": {"described": 1}}', "[" * 100_000])
def test_text_that_is_no_provenance_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        Provenance.from_json(text)


def test_a_provenance_describes_the_slide_it_was_made_from():
    source, slide_id = provenance().source, provenance().slide.slide_id
    made = provenance(settings={"tiling": {"level": 0}})
    tiling = {"level": 0}
    assert made.describes(source, slide_id, tiling)
    assert not made.describes({**source, "size": 2}, slide_id, tiling)
    assert not made.describes(source, "b-0123456789ab", tiling)
    assert not made.describes(source, slide_id, {"level": 1})
    assert not replace(made, format=1).describes(source, slide_id, tiling)


def test_cells_of_a_manifest_survive_json():
    made = provenance(cells={"patient": "P1", "fold": 2, "age": 71.5, "ok": True, "none": None})
    assert Provenance.from_json(made.to_json()) == made
    with pytest.raises(ValueError, match="a part is of another type"):
        Provenance.from_json(made.to_json().replace('"P1"', "[1]"))


def test_overlay_paths_are_null_where_a_slide_has_none():
    assert provenance().overlay_paths == {"tissue": "/s/m.tiff", "none": None}


def test_a_provenance_is_current_for_its_settings_only(tmp_path):
    config = configured(tmp_path)
    made = provenance(settings=coverage_settings(config))
    assert made.is_current(config)
    assert not made.is_current(configured(tmp_path, roi=[0, 0, 8, 8]))
    assert made.is_current(configured(tmp_path, keep=None))
    assert not replace(made, settings=tiles_settings(config)).is_current(configured(tmp_path, keep=None))
    assert not replace(made, format=1).is_current(config)


def overlay_settings(**changes):
    overlays = {"m": {"path": "{stem}.tiff", "classes": {"a": [1]}, **changes}}
    return coverage_settings(configured(Path("/s"), overlays=overlays, keep=None))


@pytest.mark.parametrize(("one", "other"), [(0.5, [0.5, 0.5]), ({"column": "a"}, {"column": "b"})])
def test_two_ways_to_write_a_resolution_are_the_same_settings(one, other):
    assert overlay_settings(mpp=one) == overlay_settings(mpp=other)


@pytest.mark.parametrize("changes", [{"mpp": 0.5}, {"mpp": [0.5, 0.6]}, {"align": "extent"}])
def test_another_alignment_is_another_setting(changes):
    assert overlay_settings(**changes) != overlay_settings()


def test_a_resolution_of_the_manifest_survives_json():
    written = provenance(overlays={"tissue": {"path": "/s/m.tiff", "mpp": 2.5}, "none": None})
    assert Provenance.from_json(written.to_json()).overlay_mpps == {"tissue": 2.5}
    assert written != provenance()


@pytest.mark.parametrize("mpp", ["2.5", 0.0, -1.0, None, 2])
def test_another_resolution_is_no_provenance(mpp):
    written = provenance(overlays={"tissue": {"path": "/s/m.tiff", "mpp": mpp}})
    with pytest.raises(ValueError, match="no provenance"):
        Provenance.from_json(written.to_json())


def overlay_in_eight_px(tmp_path, **changes):
    path = {"path": "{stem}", "classes": {"one": [1]}}
    config = configured(tmp_path, overlays={"m": {**path, **changes}}, keep=None, roi=[0, 0, 8, 8])
    return coverage_settings(config)["overlays"][0]


def test_the_roi_of_an_overlay_counts_where_it_differs(tmp_path):
    plain = overlay_in_eight_px(tmp_path)
    assert overlay_in_eight_px(tmp_path, roi="POLYGON ((8 0, 8 8, 0 8, 0 0, 8 0))") == plain
    assert overlay_in_eight_px(tmp_path, roi=[0, 0, 8, 4]) == {
        **plain,
        "roi": "POLYGON ((0 0, 0 4, 8 4, 8 0, 0 0))",
    }
    assert overlay_in_eight_px(tmp_path, dominant=True) == {**plain, "dominant": True}
    assert overlay_in_eight_px(tmp_path, dominant=False) == plain


def test_a_range_is_one_setting_however_it_is_written(tmp_path):
    one, other = (overlay_in_eight_px(tmp_path, classes={"a": [text]}) for text in ("1 .. 2.0", "1..2"))
    assert one == other
    assert one["classes"] == [["a", ["1..2"]]]
