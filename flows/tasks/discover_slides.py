"""Task `discover slides`: the slides that the configuration names, with their metadata."""

import json

import pyarrow as pa

from flows.config.model import CoverageConfig
from flows.config.slide_id import slide_id_of
from flows.execution.batch import Row
from flows.inputs.discovery import discover
from flows.records.fingerprints import fingerprints
from flows.records.provenance import manifest_schema, read_metadata
from flows.records.stored_files import has_grid
from flows.storage.parquet import TableReference, read_table, write_table
from flows.storage.workspace import Workspace
from flows.tasks.map_slides import map_slides
from ratiopath.files import open_errors
from ratiopath.geometry import Mpp
from ratiopath.slides.metadata import Tiling, describe_slide
from schemas.intermediate import discovered_slides
from schemas.slides import SLIDES, slides
from schemas.table import checked


def discover_slides(config: CoverageConfig, workspace: Workspace) -> TableReference:
    """Find the slides, read the metadata that tiling needs, and publish slides.parquet.

    Returns:
        The readable slides, with the cells of their manifest.

    Raises:
        ConfigurationError: An entry of `slides` does not exist or cannot be used.
    """
    sources = discover(config)
    found = [source for source in sources if _is_text(source.path)]
    overlays, resolutions = tuple(config.manifest_columns), tuple(config.mpp_columns)
    table = pa.table(
        {
            "path": pa.array([source.path for source in found], pa.string()),
            "slide_mpp": pa.array([source.mpp for source in found], pa.float64()),
            "slide_id": pa.array(
                [source.slide_id or slide_id_of(source.path, config) for source in found], pa.string()
            ),
            "cells": pa.array(
                [json.dumps(dict(zip(config.column_kinds, source.cells, strict=True))) for source in found]
            ),
            **{
                f"{name}_source": pa.array([source.sources[number] for source in found], pa.string())
                for number, name in enumerate(overlays)
            },
            **{
                f"{name}_given": pa.array([source.overlay_mpps[number] for source in found], pa.float64())
                for number, name in enumerate(resolutions)
            },
        }
    )
    failures = [_not_utf8(source.path) for source in sources if not _is_text(source.path)]
    schema = discovered_slides(overlays, resolutions)
    reference = map_slides(discover_slides, table, _describe, schema, config, workspace, failures=failures)
    table, columns = read_table(reference.path, workspace.files), manifest_schema(config)
    cells = [json.loads(text) for text in table["cells"].to_pylist()]
    published = table.select(SLIDES.arrow.names)
    for name, kind in columns:
        published = published.append_column(name, pa.array([one[name] for one in cells], kind))
    write_table(checked(published, slides(columns)), workspace.published("slides.parquet"), workspace)
    return reference


def _is_text(path: str) -> bool:
    """Return True if a table can hold the path; one of other bytes than UTF-8 it cannot."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _not_utf8(path: str) -> dict[str, str]:
    shown = path.encode(errors="backslashreplace").decode()
    message = f"the name {shown!r} is not UTF-8; hint: rename the file"
    return {"path": shown, "error": "UnicodeEncodeError", "message": message}


def _describe(source: Row, config: CoverageConfig, workspace: Workspace) -> Row:
    """Describe one slide; the metadata and grid of an unchanged slide are those stored with its coverage.

    A stored file that is damaged is as good as none: the slide is described and measured again by this run.
    """
    path, slide_id, mpp = source["path"], source["slide_id"], source.pop("slide_mpp")
    given = config.slide_mpp if mpp is None else mpp
    with open_errors(path):
        state, found = fingerprints(path, config.changes)
    identity = {**found, "mpp": given}
    grid = workspace.of_slide("coverage", slide_id)
    known = None if config.force else read_metadata(grid, workspace).provenance
    if (
        known is not None
        and known.describes(identity, slide_id, config.tiling.in_full)
        and has_grid(grid, known, config, workspace)
    ):
        described = {**known.slide.to_row(), "grid": grid}
    else:
        described = {**describe_slide(path, _tiling(config, given)), "grid": None}
    return {**source, **described, "slide_id": slide_id, "identity": json.dumps(identity), "state": json.dumps(state)}


def _tiling(config: CoverageConfig, slide_mpp: float | None) -> Tiling:
    tiling = config.tiling
    mpp, given = Mpp.optional(tiling.mpp), Mpp.optional(slide_mpp)
    return Tiling(tiling.extent, tiling.step, mpp, tiling.level, given, tiling.tolerance, tiling.resolution)
