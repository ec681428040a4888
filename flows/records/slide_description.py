"""Description of a slide: its fingerprint and metadata, read from its headers or from an earlier run's file."""

import json
from collections.abc import Mapping
from typing import Any

from flows.config.model import CoverageConfig
from flows.records.fingerprints import Ask, Json, fingerprint, fingerprints, with_instances
from flows.records.provenance import read_metadata
from flows.records.slide_frame import frame_to_json
from flows.records.stored_files import has_grid, refuse_foreign_table
from flows.storage.workspace import Workspace
from ratiopath.files import open_errors
from ratiopath.geometry import Mpp
from ratiopath.slides.frame import frame_of
from ratiopath.slides.metadata import Tiling, describe_open
from ratiopath.slides.open import open_slide


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
    path, slide_id = source["path"], source["slide_id"]
    state, identity = identify(source, config, ask)
    given = identity["mpp"]
    del source["slide_mpp"]
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
        described = {**known.slide.to_row(), "grid": grid, "frame": None}
    else:
        tiling = _tiling(config, given)
        with open_slide(path, tiling.slide_mpp) as slide:
            described = {**describe_open(slide, tiling), "grid": None, "frame": frame_to_json(frame_of(slide))}
    return {**source, **described, "slide_id": slide_id, "identity": json.dumps(identity), "state": json.dumps(state)}


def identify(source: Mapping[str, Any], config: CoverageConfig, ask: Ask = fingerprint) -> tuple[Json, Json]:
    """Fingerprint a slide as `ask` does; and as changes are to be detected, with the resolution given for it.

    Args:
        source: Its row of `flows.inputs.source_table`.
        config: Configuration of the run.
        ask: Fingerprints a file, not by content.

    Raises:
        SlideError: It cannot be reached.
    """
    path, mpp = source["path"], source["slide_mpp"]
    with open_errors(path):
        state, found = fingerprints(path, config.changes, ask)
        if source["instances"] is not None:
            found = with_instances(found, json.loads(source["instances"]), config.changes)
    return state, {**found, "mpp": config.slide_mpp if mpp is None else mpp}


def _tiling(config: CoverageConfig, slide_mpp: float | None) -> Tiling:
    tiling = config.tiling
    mpp, given = Mpp.optional(tiling.mpp), Mpp.optional(slide_mpp)
    return Tiling(tiling.extent, tiling.step, mpp, tiling.level, given, tiling.tolerance, tiling.resolution)
