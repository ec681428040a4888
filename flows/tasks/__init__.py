"""The tasks of the coverage pipeline: plain functions that take references to tables and give one."""

from flows.tasks.compute_overlaps import compute_overlaps
from flows.tasks.derive_overlay_paths import derive_overlay_paths
from flows.tasks.detect_tissue import detect_tissue
from flows.tasks.discover_slides import discover_slides
from flows.tasks.draw_previews import draw_previews
from flows.tasks.export_tiles import export_tiles
from flows.tasks.filter_by_coverage import filter_by_coverage
from flows.tasks.gone_slides import find_gone_slides
from flows.tasks.select_slides import select_slides
from flows.tasks.tile_slides import tile_slides

__all__ = [
    "compute_overlaps",
    "derive_overlay_paths",
    "detect_tissue",
    "discover_slides",
    "draw_previews",
    "export_tiles",
    "filter_by_coverage",
    "find_gone_slides",
    "select_slides",
    "tile_slides",
]
