"""Draw previews: a picture of each slide, where there is none that shows the same.

Pictures are for people: one that cannot be drawn costs a warning, never the slide or the run.
"""

import os
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image, PngImagePlugin

from flows.config.model import CoverageConfig
from flows.execution.map_rows import blocks_of, map_rows
from flows.records.provenance import carried_by_coverage
from flows.reports.prefect_progress import run_log
from flows.reports.previews.drawing import draw_scene
from flows.reports.previews.files import KEY, picture_of, picture_source, remove_previews, with_picture
from flows.reports.previews.layers import outline, thumbnail
from flows.reports.previews.scene import Canvas, Sampled, Scene
from flows.reports.progress import progress
from flows.reports.tile_areas import TileAreas
from flows.storage.filesystem import output_errors
from flows.storage.parquet import TableReference, read_checked, row_groups, write_table
from flows.storage.workspace import Workspace
from ratiopath.errors import UnsupportedImageError
from ratiopath.geometry import Int64s
from schemas.intermediate import PICTURES
from schemas.slide_report import kept_slides
from schemas.table import checked

STAGE = "draw previews"

VERSION = 1
"""Counted up when the same tables give another picture than before."""
ALONE, SEVERAL = 768, 448
"""Longer side of a panel in pixels, of one class and of several."""
COLOURS = 256
"""Of a picture: a third of the bytes."""
SLIDES_PER_BLOCK = 8

GONE = "the slide is not there any more"
"""Why a slide of an earlier run has no picture of what is kept now: nothing to warn of."""
MAX_LINES = 20
"""Pictures that could not be drawn of which the log tells each."""


def draw_previews(kept: TableReference, config: CoverageConfig, workspace: Workspace) -> str:
    """Draw what is not drawn yet as previews/SLIDE.png, and remove what is of no slide in the tables any more.

    Returns:
        The table of `schemas.pictures`: which slide has a picture.
    """
    slides = read_checked(kept, kept_slides(config.classes), workspace)
    ids, paths = (slides[name].to_pylist() for name in ("slide_id", "path"))
    work = partial(_draw, config=config, workspace=workspace)
    blocks = blocks_of(slides["tiles"].to_pylist(), most=SLIDES_PER_BLOCK)
    rows = slides.select(["slide_id", "path", "file", "rows", "tiles", "made_from"])
    pictures = []
    with progress(STAGE, len(paths)) as advance:
        for outcome in map_rows(rows, work, PICTURES.arrow, blocks, config.resources.draw_previews):
            slide_id, path = ids[outcome.number], paths[outcome.number]
            pictures.append(outcome.result or {"slide_id": slide_id, "path": path, "trouble": outcome.reason})
            advance(path, outcome.seconds)
    _warn(pictures)
    table = checked(pa.Table.from_pylist(pictures, PICTURES.arrow), PICTURES)
    remove_previews(workspace, but={picture_of(slide_id, workspace) for slide_id in with_picture(table)})
    given = workspace.between("pictures.parquet")
    write_table(table, given, workspace)
    return given


def _warn(pictures: list[dict[str, Any]]) -> None:
    without = [one for one in pictures if one["trouble"] not in {None, GONE}]
    for one in without[:MAX_LINES]:
        run_log().warning("%s: no picture of %s: %s", STAGE, one["path"], " ".join(one["trouble"].split()))
    if len(without) > MAX_LINES:
        run_log().warning("%s: no picture of %d more", STAGE, len(without) - MAX_LINES)


def _draw(slide: dict[str, Any], config: CoverageConfig, workspace: Workspace) -> dict[str, Any]:
    shows, path = f"{VERSION} {slide['made_from']}", picture_of(slide["slide_id"], workspace)
    given = {"slide_id": slide["slide_id"], "path": slide["path"], "trouble": None}
    is_true = picture_source(path, workspace) == shows
    if is_true and not config.force:
        return given
    if not os.path.exists(slide["path"]):
        return given if is_true else {**given, "trouble": GONE}
    try:
        image = draw_scene(_scene(slide, config, workspace))
        image = image.quantize(COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)  # 0.2 s before median cut
        about = PngImagePlugin.PngInfo()
        about.add_text(KEY, shows)
        with output_errors(path), workspace.atomic_write(path) as file:
            image.save(file, "png", pnginfo=about)
    except Exception as error:  # noqa: BLE001 - whatever goes wrong with a picture, the tables are right
        return {**given, "trouble": f"{type(error).__name__}: {error}"}
    return given


def _scene(slide: dict[str, Any], config: CoverageConfig, workspace: Workspace) -> Scene:
    covered = workspace.of_slide("coverage", slide["slide_id"])
    record, _ = carried_by_coverage(covered, workspace.files)
    described, files = record["slide"]["described"], record["overlays"]
    cells = TileAreas.of(described, config.tiling.last, config.region)
    canvas = Canvas.of(described, cells, ALONE if len(config.classes) <= 1 else SEVERAL)
    shares = {name: Sampled(canvas) for name in config.classes}
    for group in row_groups(covered, workspace.files, ["tile_x", "tile_y", *config.classes]):
        for name, sampled in shares.items():
            sampled.add(*_origins(group), group[name].to_numpy())
    is_kept = Sampled(canvas)
    for group in row_groups(slide["file"], workspace.files, ["tile_x", "tile_y"]):
        is_kept.add(*_origins(group), np.ones(group.num_rows))
    overlays = config.overlays.items()
    return Scene(
        canvas=canvas,
        thumbnail=_thumbnail(slide["path"], canvas),
        outlines={name: outline(files[name]["path"], one, canvas) for name, one in overlays if files[name]},
        overlay_of={name: overlay for overlay, one in overlays for name in one.classes},
        shares={name: sampled.on_canvas() for name, sampled in shares.items()},
        is_kept=is_kept.on_canvas() == 1,
        tiles=slide["tiles"],
        kept=slide["rows"],
    )


def _origins(tiles: pa.Table) -> tuple[Int64s, Int64s]:
    return tiles["tile_x"].to_numpy(), tiles["tile_y"].to_numpy()


def _thumbnail(path: str, canvas: Canvas) -> np.ndarray | None:
    try:
        return thumbnail(path, canvas.extent)
    except UnsupportedImageError:  # such as 16 bits per colour: there is more to see than the slide itself
        return None
