"""Discover slides: find their files and read their metadata."""

from functools import partial
from typing import Any

import pyarrow as pa

from flows.config import CoverageConfig
from flows.discovery import discovered
from flows.stage import map_slides, take
from flows.tables import TableReference, write_table
from flows.workspace import Workspace
from ratiopath.ray.describe import Tiling, describe_slide
from ratiopath.tiling.identity import row_hash
from schemas.slides import SLIDES, discovered_slides
from schemas.table import checked

STAGE = "discover slides"


def discover_slides(config: CoverageConfig, workspace: Workspace) -> TableReference:
    """Find the slides, read what tiling needs to know of each, and publish slides.parquet.

    Returns:
        The slides that could be read, with what their manifest says.

    Raises:
        ConfigurationError: An entry of `slides` does not exist or cannot be used.
    """
    everything = discovered(config)
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
    reference = map_slides(STAGE, table, partial(_describe, config=config), gives, workspace, aside=aside)
    slides = take(reference, gives).select(SLIDES.arrow.names)
    write_table(checked(slides, SLIDES), workspace.published("slides.parquet"), workspace.hidden)
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


def _describe(slide: dict[str, Any], config: CoverageConfig) -> dict[str, Any]:
    mpp = slide.pop("slide_mpp")
    extent, step = config.tiling.extent, config.tiling.step
    tiling = Tiling.of(
        tile_extent=(extent.width, extent.height),
        stride=(step.width, step.height),
        mpp=config.tiling.mpp,
        level=config.tiling.level,
        slide_mpp=config.slide_mpp if mpp is None else mpp,
    )
    return {**slide, **describe_slide(slide["path"], tiling), "slide_id": slide_id(slide["path"], config)}


def slide_id(path: str, config: CoverageConfig) -> str:
    """The same path and tiling have the same id in every run, whatever the file holds."""
    extent, step = config.tiling.extent, config.tiling.step
    identity = {
        "path": path,
        "mpp": config.tiling.mpp,
        "level": config.tiling.level,
        "tile_extent": [extent.width, extent.height],
        "stride": [step.width, step.height],
        "last": config.tiling.last,
    }
    name: str = row_hash(identity)["id"]
    return name
