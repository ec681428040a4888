"""Coordinates for hs2p: exact keys, boxes on level 0, and the settings that hs2p compares.

tests/campaigns/test_hs2p.py reads them with hs2p itself.
"""

import csv
import json

import numpy as np
import pyarrow as pa
import pytest
import yaml

from flows.cli.verbs.dispatch import main
from flows.config.errors import ConfigurationError
from flows.exports.export_format import ExportedSlide
from flows.exports.formats.hs2p import Hs2pFormat
from flows.exports.square_tiles import UnsuitableTilesError
from ratiopath.errors import InvalidMppError, MissingMppError
from tests.support.exported import exported_slide, tiling
from tests.support.finished import HandmadeSlide, write_output
from tests.support.study import configured

KEYS = {
    "provenance": {
        *("sample_id", "image_path", "mask_path", "backend", "requested_backend", "spacing_at_level_0"),
        *("mask_backend", "requested_mask_backend"),
    },
    "slide": {"dimensions", "base_spacing_um", "level_downsamples"},
    "tiling": {
        *("requested_tile_size_px", "requested_spacing_um", "read_level", "read_tile_size_px", "read_spacing_um"),
        *("tile_size_lv0", "tolerance", "step_px_lv0", "overlap", "min_tissue_fraction", "is_within_tolerance"),
        "n_tiles",
    },
    "segmentation": {
        *("tissue_method", "requested_seg_downsample", "seg_downsample", "seg_level", "seg_spacing_um", "sthresh"),
        *("sthresh_up", "mthresh", "close", "sam2_checkpoint_path", "sam2_config_path", "mask_path"),
        *("ref_tile_size_px", "tissue_mask_tissue_value", "mask_level", "mask_spacing_um"),
    },
    "filtering": {
        *("a_t", "a_h", "filter_white", "filter_black", "white_threshold", "black_threshold", "fraction_threshold"),
        *("filter_grayspace", "grayspace_saturation_threshold", "grayspace_fraction_threshold", "filter_blur"),
        *("blur_threshold", "qc_spacing_um"),
    },
    "artifact": {"coordinate_space", "tile_order", "annotation", "selection_strategy", "output_mode"},
}
"""Keys of each section in hs2p 6.1.0, which refuses any other."""
CORNERS = [(256, 0), (0, 256), (256, 256)]
"""Row-major, px of a level with a downsample of 4."""


def with_classes(slide, **classes):
    tiles = slide.tiles
    for name, shares in classes.items():
        tiles = tiles.append_column(name, pa.array(shares, pa.float64()))
    return ExportedSlide(slide.name, slide.slide, slide.row, tiles, tuple(classes))


def written(folder, slide, **settings):
    """Write a slide; return the sections of its JSON file."""
    Hs2pFormat(tiling(**settings)).write_slide(slide, folder)
    return json.loads((folder / "tiles" / f"{slide.name}.coordinates.meta.json").read_text())


def test_the_sections_have_exactly_the_keys_of_hs2p(tmp_path) -> None:
    meta = written(tmp_path, exported_slide(corners=CORNERS))
    assert {section: set(content) for section, content in meta.items()} == KEYS


def test_coordinates_are_pixels_of_level_0_sorted_by_x_then_y(tmp_path) -> None:
    slide = with_classes(exported_slide(corners=CORNERS), tumor=[0.5, 0.25, None], tissue=[0.75, 1.0, 0.5])
    assert written(tmp_path, slide)["tiling"]["n_tiles"] == 3
    arrays = np.load(tmp_path / "tiles" / "a.coordinates.npz", allow_pickle=False)
    expected = {
        "tile_index": np.array([0, 1, 2], np.int32),
        "x": np.array([0, 1024, 1024], np.int64),
        "y": np.array([1024, 0, 1024], np.int64),
        "tissue_fractions": np.array([1.0, 0.75, 0.5], np.float32),
        "tumor": np.array([0.25, 0.5, np.nan], np.float32),
        "tissue": np.array([1.0, 0.75, 0.5], np.float32),
    }
    assert set(arrays) == set(expected)
    for name, array in expected.items():
        assert arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(arrays[name], array)


@pytest.mark.parametrize(
    ("classes", "expected"), [({"file": [0.5, 0.25, 0.0]}, [0.25, 0.5, 0.0]), ({}, [1, 1, 1])], ids=["first", "none"]
)
def test_tissue_fractions_are_the_first_class_or_one(tmp_path, classes, expected) -> None:
    written(tmp_path, with_classes(exported_slide(corners=CORNERS), **classes))
    arrays = np.load(tmp_path / "tiles" / "a.coordinates.npz")
    assert arrays["tissue_fractions"].tolist() == expected


def test_sizes_and_resolutions(tmp_path) -> None:
    meta = written(tmp_path, exported_slide(corners=CORNERS, level=2, level0_mpp=(0.252, 0.252)), stride=64)
    assert meta["slide"] == {
        "dimensions": [16384, 16384],
        "base_spacing_um": 0.252,
        "level_downsamples": [1.0, None, 4.0],
    }
    found = {name: meta["tiling"][name] for name in sorted(KEYS["tiling"] - {"n_tiles", "min_tissue_fraction"})}
    assert found == {
        "is_within_tolerance": True,
        "overlap": 0.75,
        "read_level": 2,
        "read_spacing_um": 1.008,
        "read_tile_size_px": 256,
        "requested_spacing_um": 1.0,  # that of the configuration, the same for all slides
        "requested_tile_size_px": 256,
        "step_px_lv0": 256,
        "tile_size_lv0": 1024,
        "tolerance": 0.1,
    }


def test_exact_tiles_are_resized_by_the_reader(tmp_path) -> None:
    slide = exported_slide(corners=[(0, 0)], tile=(300, 300))
    found = written(tmp_path, slide, resolution="exact")["tiling"]
    assert [found[f"{name}_tile_size_px"] for name in ("requested", "read")] == [256, 300]
    assert (found["tile_size_lv0"], found["step_px_lv0"], found["is_within_tolerance"]) == (1200, 1200, False)


def test_a_slide_without_tiles_has_only_the_json_file(tmp_path) -> None:
    assert written(tmp_path, exported_slide(corners=[]))["tiling"]["n_tiles"] == 0
    assert [path.name for path in (tmp_path / "tiles").iterdir()] == ["a.coordinates.meta.json"]


def test_lists_of_slides_and_settings(tmp_path) -> None:
    slides = [exported_slide(corners=CORNERS), exported_slide("/slides/b.svs", corners=[])]
    format_ = Hs2pFormat(tiling(stride=128))
    format_.write_cohort(slides, configured(tmp_path), tmp_path)
    with (tmp_path / "process_list.csv").open() as file:
        [first, second] = csv.DictReader(file)
    names = ("sample_id", "image_path", "tiling_status", "num_tiles", "coordinates_npz_path")
    assert [first[name] for name in names] == ["a", "/slides/a.svs", "success", "3", "tiles/a.coordinates.npz"]
    assert [second[name] for name in names] == ["b", "/slides/b.svs", "success", "0", ""]
    assert (tmp_path / "slides.csv").read_text() == "sample_id,image_path\na,/slides/a.svs\nb,/slides/b.svs\n"
    settings = yaml.safe_load((tmp_path / "slide2vec.yaml").read_text())["tiling"]
    assert settings["params"] == {
        "requested_spacing_um": 1.0,
        "tolerance": 0.1,
        "requested_tile_size_px": 256,
        "overlap": 0.5,
    }
    [step] = format_.next_steps("/to")
    assert step.endswith("with csv: /to/slides.csv and tiling.read_coordinates_from: /to/tiles")


def test_a_tiled_level_is_asked_for_by_its_resolution_and_several_are_named(tmp_path) -> None:
    fine = exported_slide("/slides/b.svs", corners=[], level0_mpp=(0.2, 0.2))
    slides = [fine, exported_slide("/slides/a.svs", corners=[]), exported_slide("/slides/c.svs", corners=[])]
    assert written(tmp_path, fine, level=1)["tiling"]["requested_spacing_um"] == 0.8
    Hs2pFormat(tiling(level=1)).write_cohort(slides, configured(tmp_path), tmp_path)
    text = (tmp_path / "slide2vec.yaml").read_text()
    assert yaml.safe_load(text)["tiling"]["params"]["requested_spacing_um"] == 1.0
    assert "# requested_spacing_um differs, since a level is tiled: 0.8 (1 slides), 1 (2 slides)" in text


@pytest.mark.parametrize(
    ("slide", "settings", "error", "message"),
    [
        ({"level0_mpp": None}, {}, MissingMppError, "has no mpp_x, and hs2p needs the resolution"),
        ({"level0_mpp": (0.25, 0.5)}, {}, InvalidMppError, "hs2p knows one mpp"),
        ({"tile": (256, 128)}, {}, UnsuitableTilesError, "tile_extent 256 x 128 px, and hs2p reads squares"),
        ({}, {"stride": 512}, UnsuitableTilesError, "stride 512 x 512 px and tile_extent 256 px"),
        ({}, {"stride": [256, 128]}, UnsuitableTilesError, "set tiling.stride to one number"),
    ],
)
def test_a_slide_that_hs2p_cannot_describe_is_refused(tmp_path, slide, settings, error, message) -> None:
    with pytest.raises(error, match=message):
        written(tmp_path, exported_slide(corners=[(0, 0)], **slide), **settings)


def test_a_class_named_like_an_array_is_refused(tmp_path) -> None:
    with pytest.raises(ConfigurationError, match="'x' is the name of a column of the format 'hs2p'"):
        written(tmp_path, with_classes(exported_slide(corners=[(0, 0)]), x=[0.5]))


def test_the_verb_writes_the_tiling_of_the_run(tmp_path) -> None:
    slides = [
        HandmadeSlide("/slides/a.tiff", 2, {"tumor": [0.5, 1.0]}, [True, True]),
        HandmadeSlide("/slides/b.tiff", 1, {"tumor": [0.0]}, [True], mpp=None),
    ]
    write_output(tmp_path / "output", slides)
    assert main(["export", "hs2p", str(tmp_path / "output"), "--to", str(tmp_path / "to")]) == 3  # b has no resolution
    files = sorted(path.name for path in (tmp_path / "to").rglob("*.*"))
    assert files == [
        *("a.coordinates.meta.json", "a.coordinates.npz", "export.json", "process_list.csv", "slide2vec.yaml"),
        "slides.csv",
    ]
    params = yaml.safe_load((tmp_path / "to" / "slide2vec.yaml").read_text())["tiling"]["params"]
    assert (params["requested_tile_size_px"], params["requested_spacing_um"]) == (16, 1.0)
