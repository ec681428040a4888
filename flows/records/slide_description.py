"""Description of a slide: its fingerprint and metadata, read from its headers or from an earlier run's file."""

import json
from typing import Any

from flows.config.model import CoverageConfig
from flows.records.fingerprints import Ask, fingerprint, fingerprints
from flows.records.provenance import read_metadata
from flows.records.stored_files import has_grid, refuse_foreign_table
from flows.storage.workspace import Workspace
from ratiopath.files import open_errors
from ratiopath.geometry import Mpp
from ratiopath.slides.metadata import Tiling, describe_slide


def describe(
    source: dict[str, Any], config: CoverageConfig, workspace: Workspace, ask: Ask = fingerprint
) -> dict[str, Any]:
    """Describe one slide; the metadata and grid of an unchanged slide are those stored with its coverage.

    A stored file that is damaged is as good as none: the slide is described and measured again by this run.

    Args:
        source: Row of `flows.inputs.source_table`.
        config: Configuration of the run.
        workspace: Workspace of the run.
        ask: Fingerprints a file, not by content.

    Returns:
        Row of `schemas.intermediate.discovered_slides`.

    Raises:
        SlideError: The slide cannot be opened or tiled.
    """
    path, slide_id, mpp = source["path"], source["slide_id"], source.pop("slide_mpp")
    given = config.slide_mpp if mpp is None else mpp
    with open_errors(path):
        state, found = fingerprints(path, config.changes, ask)
    identity = {**found, "mpp": given}
    grid = workspace.of_slide("coverage", slide_id)
    stored = read_metadata(grid, workspace).provenance
    for folder in ("coverage", "tiles") if stored is None else ():
        refuse_foreign_table(workspace.of_slide(folder, slide_id), slide_id, workspace)
    known = None if config.force else stored
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
