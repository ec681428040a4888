"""Derive overlay paths: which files lie over each slide."""

import os
from functools import partial
from typing import Any

from flows.config import CoverageConfig
from flows.stage import map_slides, take
from flows.tables import TableReference
from flows.template import overlay_path
from flows.workspace import Workspace
from ratiopath.errors import SlideError
from schemas.overlay_paths import overlay_paths
from schemas.slides import discovered_slides

STAGE = "derive overlay paths"


class OverlayNotFoundError(SlideError):
    """A slide has no such overlay, and must have it."""


def derive_overlay_paths(slides: TableReference, config: CoverageConfig, workspace: Workspace) -> TableReference:
    """Work out the overlays of each slide and see whether they exist.

    Returns:
        The files that lie over each slide; null where there is none and the configuration allows it.
    """
    table = take(slides, discovered_slides(tuple(config.manifest_columns)))
    gives = overlay_paths(config.overlay_columns)
    return map_slides(STAGE, table, partial(_derive, config=config), gives, workspace, [0] * table.num_rows)


def _derive(slide: dict[str, Any], config: CoverageConfig) -> dict[str, Any]:
    paths = {}
    for name, overlay in config.overlays.items():
        path = overlay_path(slide["path"], overlay.path, slide.get(f"{name}_source"))
        if path is None or not _exists(path):
            if overlay.missing == "fail":
                raise OverlayNotFoundError(
                    f"a slide has the overlay {name}",
                    path=slide["path"],
                    found="no path for it" if path is None else f"no file {path!r}",
                    remedy=f"add it, correct overlays.{name}.path, or set overlays.{name}.missing to null or zero",
                )
            path = None
        paths[f"{name}_path"] = path
    return {"slide_id": slide["slide_id"], "path": slide["path"], **paths}


def _exists(path: str) -> bool:
    """Whether there is such a file; an overlay that merely cannot be reached puts the slide aside, as an OSError."""
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True
