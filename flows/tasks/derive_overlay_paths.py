"""Derive overlay paths: which files lie over each slide."""

import json
import os
from collections.abc import Sequence
from functools import partial
from typing import Any

from flows.config.model import CoverageConfig
from flows.config.overlay_path import folders_of_overlays, overlay_path
from flows.records.provenance import coverage_record, fingerprint, record_of
from flows.storage.parquet import TableReference, read_checked
from flows.storage.workspace import Workspace
from flows.tasks.map_slides import map_slides
from ratiopath.errors import SlideError
from schemas.intermediate import discovered_slides, overlay_paths
from schemas.slides import SLIDES

STAGE = "derive overlay paths"


class OverlayNotFoundError(SlideError):
    """A slide has no such overlay, and must have it."""


class OverlayOutsideError(SlideError):
    """A template leads out of the folders that the configuration names."""


def derive_overlay_paths(slides: TableReference, config: CoverageConfig, workspace: Workspace) -> TableReference:
    """Work out the overlays of each slide, and whether its coverage has been made from them already.

    Returns:
        The files that lie over each slide; null where there is none and the configuration allows it.
    """
    table = read_checked(slides, discovered_slides(tuple(config.manifest_columns)), workspace)
    gives = overlay_paths(config.overlay_columns)
    work = partial(_derive, named=config.slide_folders, config=config, workspace=workspace)
    return map_slides(
        STAGE, table, work, gives, workspace, [0] * table.num_rows, request=config.resources.derive_overlay_paths
    )


def _derive(
    slide: dict[str, Any], named: Sequence[str], config: CoverageConfig, workspace: Workspace
) -> dict[str, Any]:
    overlays: dict[str, dict[str, Any] | None] = {}
    for name, overlay in config.overlays.items():
        path = overlay_path(slide["path"], overlay.path, slide.get(f"{name}_source"))
        overlays[name] = None
        if path is not None:
            _refuse_outside(path, slide["path"], name, folders_of_overlays(slide["path"], overlay.path, named))
            overlays[name] = _identity(path, config)
        if overlays[name] is None and overlay.missing == "fail":
            raise OverlayNotFoundError(
                f"a slide has the overlay {name}",
                path=slide["path"],
                found="no path for it" if path is None else f"no file {path!r}",
                remedy=f"add it, correct overlays.{name}.path, or set overlays.{name}.missing to null or zero",
            )
    described = {field.name: slide[field.name] for field in SLIDES.arrow}
    record = coverage_record(config, {"identity": json.loads(slide["identity"]), "described": described}, overlays)
    there = record_of(workspace.of_slide("coverage", slide["slide_id"]), workspace.files)
    return {
        "slide_id": slide["slide_id"],
        "path": slide["path"],
        **{f"{name}_path": found and found["path"] for name, found in overlays.items()},
        "record": json.dumps(record),
        "status": "new" if there is None else "unchanged" if there == record and not config.force else "changed",
    }


def _refuse_outside(path: str, slide: str, name: str, folders: Sequence[str] | None) -> None:
    if folders is not None and not any(path.startswith(os.path.join(folder, "")) for folder in folders):
        raise OverlayOutsideError(
            f"a template stays in the folders that are named, {', '.join(map(repr, sorted(set(folders))))}",
            path=slide,
            found=repr(path),
            remedy=f"if it is meant, write overlays.{name}.path as an absolute path, such as "
            f"{os.path.join(os.path.dirname(path), '{stem}.tiff')!r}",
        )


def _identity(path: str, config: CoverageConfig) -> dict[str, Any] | None:
    """What the overlay is; None where there is none. One that cannot be reached puts the slide aside, as an OSError."""
    try:
        return fingerprint(path, by_content=config.changes == "content")
    except (FileNotFoundError, NotADirectoryError):
        return None
