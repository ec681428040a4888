"""Discover slides: find their files and read their metadata."""

import json
from functools import partial
from typing import Any

import pyarrow as pa

from flows.config.model import CoverageConfig
from flows.inputs.discovery import discover
from flows.records.provenance import FORMAT, fingerprint, record_of
from flows.storage.parquet import TableReference, read_checked, write_table
from flows.storage.workspace import Workspace
from flows.tasks.map_slides import map_slides
from ratiopath.slides.metadata import Tiling, describe_slide
from ratiopath.tiling.row_hash import row_hash
from schemas.intermediate import discovered_slides
from schemas.slides import SLIDES
from schemas.table import checked

STAGE = "discover slides"


def discover_slides(config: CoverageConfig, workspace: Workspace) -> TableReference:
    """Find the slides, read what tiling needs to know of each, and publish slides.parquet.

    Returns:
        The slides that could be read, with what their manifest says.

    Raises:
        ConfigurationError: An entry of `slides` does not exist or cannot be used.
    """
    everything = discover(config)
    found = [slide for slide in everything if _is_text(slide.path)]
    overlays = tuple(config.manifest_columns)
    table = pa.table(
        {
            "path": pa.array([slide.path for slide in found], pa.string()),
            "slide_mpp": pa.array([slide.mpp for slide in found], pa.float64()),
            **{
                f"{name}_source": pa.array([slide.sources[number] for slide in found], pa.string())
                for number, name in enumerate(overlays)
            },
        }
    )
    gives = discovered_slides(overlays)
    aside = [_unnameable(slide.path) for slide in everything if not _is_text(slide.path)]
    work = partial(_describe, config=config, workspace=workspace)
    reference = map_slides(STAGE, table, work, gives, workspace, aside=aside, request=config.resources.discover_slides)
    slides = read_checked(reference, gives, workspace).select(SLIDES.arrow.names)
    write_table(checked(slides, SLIDES), workspace.published("slides.parquet"), workspace)
    return reference


def _is_text(path: str) -> bool:
    """Whether a table can hold the path: a name in bytes that are no UTF-8 is one that no table can."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _unnameable(path: str) -> dict[str, str]:
    shown = path.encode(errors="backslashreplace").decode()
    message = f"the name of a slide is UTF-8: path={shown!r}, found other bytes; rename the file"
    return {"path": shown, "error": "UnicodeEncodeError", "message": message}


def _describe(slide: dict[str, Any], config: CoverageConfig, workspace: Workspace) -> dict[str, Any]:
    """What a slide is; of one that has not changed since its grid was laid, what its table tells: it is not opened."""
    name = slide_id(slide["path"], config)
    mpp = slide.pop("slide_mpp")
    given = config.slide_mpp if mpp is None else mpp
    found = {**fingerprint(slide["path"], by_content=config.changes == "content"), "mpp": given}
    grid = workspace.of_slide("coverage", name)
    record = None if config.force else record_of(grid, workspace.files)
    if record is not None and record["format"] == FORMAT and record["slide"]["identity"] == found:
        known = {**record["slide"]["described"], "grid": grid}
    else:
        known = {**describe_slide(slide["path"], _tiling(config, given)), "grid": None}
    return {**slide, **known, "slide_id": name, "identity": json.dumps(found)}


def _tiling(config: CoverageConfig, slide_mpp: float | None) -> Tiling:
    extent, step = config.tiling.extent, config.tiling.step
    return Tiling.of(
        tile_extent=(extent.width, extent.height),
        stride=(step.width, step.height),
        mpp=config.tiling.mpp,
        level=config.tiling.level,
        slide_mpp=slide_mpp,
    )


def slide_id(path: str, config: CoverageConfig) -> str:
    """The same path and tiling have the same id in every run, whatever the file holds."""
    name: str = row_hash({"path": path, **config.tiling.in_full})["id"]
    return name
