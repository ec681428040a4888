"""Metadata that hs2p keeps beside coordinates: the settings that it compares before it takes them."""

from typing import Any

from flows.config.tiling import Tiling
from flows.exports.export_format import ExportedSlide
from flows.exports.square_tiles import UnsuitableTilesError
from flows.records.slides import Slide
from ratiopath.errors import MissingMppError

BACKEND = "openslide"
"""Reader of slides that hs2p is told to use."""
SEGMENTATION = {"method": "hsv", "downsample": 64}
"""Settings that hs2p compares although it segments nothing: its own defaults."""
FILTERING = {
    "ref_tile_size": 16,
    "a_t": 4,
    "a_h": 2,
    "filter_white": False,
    "filter_black": False,
    "white_threshold": 220,
    "black_threshold": 25,
    "fraction_threshold": 0.9,
    "filter_grayspace": False,
    "grayspace_saturation_threshold": 0.05,
    "grayspace_fraction_threshold": 0.6,
    "filter_blur": False,
    "blur_threshold": 50.0,
    "qc_spacing_um": 2.0,
}
"""Ditto: defaults of hs2p, and no filter."""


def metadata(exported: ExportedSlide, side: int, tiling: Tiling) -> dict[str, dict[str, Any]]:
    """Return the sections of the JSON file.

    Args:
        exported: The slide.
        side: Length of a tile's side, pixels of level 0.
        tiling: Tiling of the configuration.

    Raises:
        MissingMppError: The slide has no resolution.
        UnsuitableTilesError: Tiles do not follow each other at one stride of at most their side.
    """
    slide = exported.slide
    if slide.mpp is None or slide.level0_mpp is None:
        raise MissingMppError(
            f"slide {slide.path!r} has no mpp_x, and hs2p needs the resolution of its tiles",
            path=slide.path,
            hint="set slide_mpp, or a column mpp in the manifest, and run the flow again",
        )
    stride, requested = tiling.step, tiling.extent.width
    if stride.width != stride.height or stride.width > requested:
        raise UnsuitableTilesError(
            f"slide {slide.path!r} has stride {stride.width} x {stride.height} px and tile_extent {requested} px, and"
            " hs2p knows an overlap from 0 to 1",
            path=slide.path,
            hint="set tiling.stride to one number of at most tiling.tile_extent, or export to another format",
        )
    read, overlap = slide.tile_extent.width, overlap_of(tiling)
    # the stride is rounded on the level that is read, then projected, as hs2p/wsi/geometry.py does
    step = max(1, round(max(1, round(read * (1 - overlap))) * side / read))
    downsamples = [1.0] + [None] * max(0, slide.level - 1) + [slide.downsample] * (slide.level > 0)
    return {
        "provenance": {
            "sample_id": exported.name,
            "image_path": slide.path,
            "mask_path": None,
            "backend": BACKEND,
            "requested_backend": BACKEND,
            "spacing_at_level_0": None,
            "mask_backend": None,
            "requested_mask_backend": None,
        },
        "slide": {
            "dimensions": [slide.level0_extent.width, slide.level0_extent.height],
            "base_spacing_um": slide.level0_mpp.x,
            "level_downsamples": downsamples,
        },
        "tiling": {
            "requested_tile_size_px": requested,
            "requested_spacing_um": requested_spacing(slide, tiling),
            "read_level": slide.level,
            "read_tile_size_px": read,
            "read_spacing_um": slide.mpp.x,
            "tile_size_lv0": side,
            "tolerance": tiling.tolerance,
            "step_px_lv0": step,
            "overlap": overlap,
            "min_tissue_fraction": 0.0,
            "is_within_tolerance": read == requested,
            "n_tiles": exported.tiles.num_rows,
        },
        "segmentation": {
            "tissue_method": SEGMENTATION["method"],
            "requested_seg_downsample": SEGMENTATION["downsample"],
            "seg_downsample": 1,
            "seg_level": 0,
            "seg_spacing_um": slide.level0_mpp.x,
            "sthresh": None,
            "sthresh_up": None,
            "mthresh": None,
            "close": None,
            "sam2_checkpoint_path": None,
            "sam2_config_path": None,
            "mask_path": None,
            "ref_tile_size_px": FILTERING["ref_tile_size"],
            "tissue_mask_tissue_value": None,
            "mask_level": None,
            "mask_spacing_um": None,
        },
        "filtering": {name: value for name, value in FILTERING.items() if name != "ref_tile_size"},
        "artifact": {
            "coordinate_space": "level0_px",
            "tile_order": "x_then_y",
            "annotation": None,
            "selection_strategy": None,
            "output_mode": None,
        },
    }


def requested_spacing(slide: Slide, tiling: Tiling) -> float:
    """Return the resolution that is asked for: `tiling.mpp`, or that of the level, rounded to 1e-6 µm/px."""
    if tiling.mpp is not None:
        return tiling.mpp
    return 0.0 if slide.mpp is None else round(slide.mpp.x, 6)


def overlap_of(tiling: Tiling) -> float:
    """Return the share of a tile's side that its neighbour repeats, 0 to 1."""
    return 1 - tiling.step.width / tiling.extent.width
