"""Task `draw previews`: a picture of each slide that has none of its current tables.

Pictures are for people: one that cannot be drawn costs a warning, never the slide or the run.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa
from PIL import PngImagePlugin

from flows.config.model import CoverageConfig
from flows.execution.batch import Row
from flows.execution.map_rows import batches_of, map_rows
from flows.records.fingerprints import exists
from flows.records.masks import at_hand
from flows.records.provenance import Provenance, read_coverage_metadata
from flows.records.slides import Slide, SlideFile
from flows.reports.previews.colours import with_palette
from flows.reports.previews.drawing import draw_scene, layout_of, panel_side
from flows.reports.previews.files import (
    DIGEST_KEY,
    FOLDER,
    KEY,
    VERSION,
    digest_of,
    has_preview,
    is_replaceable,
    script_of,
)
from flows.reports.previews.layers import read_areas, read_thumbnail
from flows.reports.previews.scene import MAX_PANELS, Bools, Canvas, Panel, SampledValues, Scene
from flows.reports.previews.tile_shares import Histogram, write_script
from flows.reports.progress import progress
from flows.reports.run_log import run_log
from flows.reports.tile_areas import TileAreas
from flows.reports.tissue_share import tissue_share
from flows.storage.filesystem import output_errors
from flows.storage.parquet import TableReference, read_table, row_groups
from flows.storage.workspace import Workspace
from flows.tasks.map_slides import request_of, title, write_result
from ratiopath.errors import UnsupportedImageError
from ratiopath.geometry import Int64s
from ratiopath.remote.names import name_of
from ratiopath.slides.frame import read_frame
from schemas.intermediate import PICTURES
from schemas.slide_report import area_of, mean_of

SHORT_PX = 448
"""Longer side of a panel of a tiny slide in px; it is not enlarged further."""
SLIDES_PER_BATCH = 8
GONE = "the slide no longer exists"
"""Reason of a missing picture that is nothing to warn of: an earlier run measured the slide."""
MAX_LINES = 20
"""Maximum number of missing pictures with a log line each."""


@dataclass(frozen=True, slots=True)
class _Kept(SlideFile):
    """A slide's file in tiles/."""

    tiles: int
    """Number of tiles of the slide."""
    made_from: str
    """Digest of the file's provenance."""


def draw_previews(kept: TableReference, config: CoverageConfig, workspace: Workspace) -> TableReference:
    """Draw missing and outdated previews, SLIDE.png and SLIDE.js.

    Returns:
        Table of `schemas.intermediate.PICTURES`, a row per slide.
    """
    slides = read_table(kept.path, workspace.files).select([*_Kept.__dataclass_fields__, *_numbers(config)])
    rows = [_Kept.from_row(row) for row in slides.to_pylist()]
    draw = partial(_draw, config=config, workspace=workspace)
    batches = batches_of(slides["tiles"].to_pylist(), max_rows=SLIDES_PER_BATCH)
    pictures = []
    with progress(title(draw_previews), len(rows), workspace) as advance:
        for outcome in map_rows(slides, draw, PICTURES.arrow, batches, request_of(draw_previews, config)):
            slide = rows[outcome.number]
            pictures.append(outcome.result or _picture(slide, outcome.reason))
            advance(slide.path, outcome.seconds)
    _warn(pictures)
    return write_result(draw_previews, pictures, [], PICTURES, workspace)


def _paths(slide_id: str, workspace: Workspace) -> tuple[str, str]:
    """Return the paths of a slide's picture and script."""
    return workspace.of_slide(FOLDER, slide_id), script_of(slide_id, workspace)


def _numbers(config: CoverageConfig) -> list[str]:
    """Return the columns of the report on a slide that its picture shows."""
    return [column for name in config.classes for column in (mean_of(name), area_of(name))]


def _picture(slide: SlideFile, trouble: str | None = None) -> Row:
    return {"slide_id": slide.slide_id, "path": slide.path, "trouble": trouble}


def _warn(pictures: list[Row]) -> None:
    missing = [one for one in pictures if one["trouble"] not in {None, GONE}]
    for one in missing[:MAX_LINES]:
        line = " ".join(one["trouble"].split())
        run_log().warning("%s: no picture of %s: %s", title(draw_previews), one["path"], line)
    if len(missing) > MAX_LINES:
        run_log().warning("%s: no picture of %d more slides", title(draw_previews), len(missing) - MAX_LINES)


def _draw(row: Row, config: CoverageConfig, workspace: Workspace) -> Row:
    slide = _Kept.from_row(row)
    source, (path, script) = f"{VERSION} {slide.made_from}", _paths(slide.slide_id, workspace)
    is_current = has_preview(path, script, source, workspace)
    if is_current and not config.force:
        return _picture(slide)
    for one in (path, script):
        if not is_replaceable(one, workspace):
            return _picture(slide, f"{one!r} is not a file of this program; hint: move it away")
    if not exists(slide.path):
        return _picture(slide, None if is_current else GONE)
    try:
        scene, shares = _scene(slide, row, config, workspace)
        image = with_palette(draw_scene(scene))
        about = PngImagePlugin.PngInfo()
        about.add_text(KEY, source)
        about.add_text(DIGEST_KEY, digest_of(shares.encode()))
        with output_errors(script), workspace.atomic_write(script) as file:  # first: a current picture has a script
            file.write(shares.encode())
        with output_errors(path), workspace.atomic_write(path) as file:
            image.save(file, "png", pnginfo=about)
    except Exception as error:  # noqa: BLE001 - whatever goes wrong with a picture, the tables are right
        return _picture(slide, f"{type(error).__name__}: {error}")
    return _picture(slide)


def _scene(kept: _Kept, row: Row, config: CoverageConfig, workspace: Workspace) -> tuple[Scene, str]:
    """Read the layers of a picture, and write the script beside it."""
    covered = workspace.of_slide("coverage", kept.slide_id)
    provenance, _ = read_coverage_metadata(covered, workspace, config.classes)
    slide, classes = provenance.slide, config.classes
    areas = TileAreas.of(slide, config.tiling.last, config.region_of(slide.tile_extent))
    names = classes[:MAX_PANELS]
    canvas = Canvas.of(slide, areas, _side(slide, len(names)))
    shares = {name: SampledValues(canvas) for name in names}
    histograms = {name: Histogram() for name in names}
    for group in row_groups(covered, workspace.files, ["tile_x", "tile_y", *names]):
        for name, sampled in shares.items():
            values = group[name].to_numpy()
            sampled.add(*_origins(group), values)
            histograms[name].add(values)
    is_kept = SampledValues(canvas)
    for group in row_groups(kept.file, workspace.files, ["tile_x", "tile_y"]):
        is_kept.add(*_origins(group), np.ones(group.num_rows))
    inside = _areas(provenance, canvas, names, config, workspace)
    scene = Scene(
        name=name_of(kept.path),
        canvas=canvas,
        thumbnail=_thumbnail(kept.path, canvas),
        panels={
            name: Panel(sampled.on_canvas(), inside.get(name), row[mean_of(name)], tissue_share(row, name, classes))
            for name, sampled in shares.items()
        },
        is_kept=is_kept.on_canvas() == 1,
        tiles=kept.tiles,
        kept=kept.rows,
        hidden=len(classes) - len(names),
    )
    return scene, write_script(kept.slide_id, layout_of(scene), canvas, shares, histograms)


def _side(slide: Slide, panels: int) -> int:
    """Choose the longer side of a panel in px."""
    return min(panel_side(panels), max(SHORT_PX, slide.extent.width, slide.extent.height))


def _areas(
    provenance: Provenance,
    canvas: Canvas,
    names: Sequence[str],
    config: CoverageConfig,
    workspace: Workspace,
) -> dict[str, Bools]:
    """Read the areas of the classes whose overlay is there and not too large."""
    slide, found = provenance.slide, {}
    frame = None if slide.mpp is None else read_frame(slide.path).with_mpp_of(slide.level, slide.mpp)
    with at_hand(provenance.overlay_paths, workspace) as files:
        for overlay, one in config.overlays.items():
            shown = [name for name in names if name in one.classes]
            if shown and (path := files[overlay]):
                found.update(read_areas(path, one, canvas, frame, shown, provenance.overlay_mpps.get(overlay)) or {})
    return found


def _origins(tiles: pa.Table) -> tuple[Int64s, Int64s]:
    return tiles["tile_x"].to_numpy(), tiles["tile_y"].to_numpy()


def _thumbnail(path: str, canvas: Canvas) -> np.ndarray | None:
    try:
        return read_thumbnail(path, canvas.extent)
    except UnsupportedImageError:  # such as 16 bits per colour: there is more to see than the slide itself
        return None
