"""Task `derive overlay paths`: the overlays of each slide, and whether its coverage is up to date."""

from functools import partial

from flows.config.model import CoverageConfig
from flows.records.provenance import coverage_settings
from flows.records.slide_overlays import derive_overlays
from flows.storage.parquet import TableReference, read_table
from flows.storage.workspace import Workspace
from flows.tasks.map_slides import map_slides
from schemas.intermediate import overlay_paths


def derive_overlay_paths(slides: TableReference, config: CoverageConfig, workspace: Workspace) -> TableReference:
    """Derive the paths of each slide's overlays, and compare its inputs and settings with those of its coverage.

    Returns:
        The path of each overlay; null where there is none and the configuration allows it.
    """
    table = read_table(slides.path, workspace.files)
    derive = partial(derive_overlays, folders=config.slide_folders, settings=coverage_settings(config))
    schema = overlay_paths(config.overlay_columns)
    return map_slides(derive_overlay_paths, table, derive, schema, config, workspace, tiles=[0] * table.num_rows)
