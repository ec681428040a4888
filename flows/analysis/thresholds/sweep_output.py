"""The sweep of a finished output: its coverage/ is read once, a slide at a time, and a folder of results is written.

    sweep.html        page with a slider for each class; it loads nothing
    sweep.csv         class, threshold: tiles, slides, area
    funnel.csv        part of keep: tiles and slides, alone and in order
    slides.csv        slide, class: tiles at each threshold, and the threshold at which it drops out
    slides_keep.csv   slide: tiles after each part of keep

No slide and no overlay is opened. A slide whose file in coverage/ cannot be used is put aside.
"""

import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from rich.console import Console
from rich.progress import track

from flows.analysis.thresholds.funnel import CohortFunnel, SlideFunnel
from flows.analysis.thresholds.sweep import ClassLeft, CohortLeft, SlideSweep
from flows.analysis.thresholds.sweep_options import SweepOptions
from flows.analysis.thresholds.sweep_page import GENERATOR_TAG, HEAD_BYTES, PAGE, PageSlides, render_sweep
from flows.analysis.thresholds.sweep_tables import (
    FUNNEL,
    KEPT,
    SLIDES,
    SWEEP,
    Row,
    SlideTables,
    funnel_rows,
    sweep_rows,
    write_csv,
)
from flows.config.errors import ConfigurationError
from flows.records.finished_output import FinishedOutput
from flows.records.slides import Slide
from flows.reports.tile_areas import TileAreas
from flows.storage.filesystem import output_errors
from flows.storage.workspace import SUFFIXES
from ratiopath.errors import SlideError, TruncatedError

FILES = (PAGE, SWEEP, FUNNEL, SLIDES, KEPT)
"""Files of a sweep; the page comes first, and marks a folder as one of a sweep."""
FOLDER = "sweep"
"""Folder in the output, unless another one is named."""
SWEEP_COLUMNS = ("class", "threshold", "tiles", "slides", "slides_without", "slides_below", "mm2")
"""Columns of sweep.csv."""
FUNNEL_COLUMNS = ("part", "tiles_alone", "slides_alone", "tiles_in_order", "slides_in_order", "slides_below")
"""Columns of funnel.csv."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """A slide of which `keep` leaves too few tiles."""

    slide_id: str
    """The slide."""
    path: str
    """Its path."""
    tiles: int
    """Tiles that are left."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """Result of a sweep."""

    folder: str
    """Folder of the files."""
    options: SweepOptions
    """Options."""
    slides: int
    """Slides that were counted."""
    absent: int
    """Slides of slides.parquet without a file in coverage/, since the run put them aside."""
    gone: int
    """Files in coverage/ of slides that slides.parquet lacks, since the run did not find them; they are not counted."""
    put_aside: tuple[str, ...]
    """Problem of each slide whose file in coverage/ could not be used."""
    rows: tuple[Row, ...]
    """Rows of sweep.csv."""
    funnel: tuple[Row, ...]
    """Rows of funnel.csv."""
    dropped: tuple[Dropped, ...]
    """Slides that have fewer than `least` tiles after the last part of keep, in the order of slides.parquet."""


def sweep_output(
    output: FinishedOutput, options: SweepOptions, folder: str, slides: Iterable[Mapping[str, Any]]
) -> Sweep:
    """Sweep a finished output and write the files.

    Args:
        output: The output.
        options: Options of `SweepOptions.of` its configuration.
        folder: Folder on this machine, which `claimed_folder` has returned.
        slides: Rows of slides.parquet to count.

    Raises:
        OutputError: The folder cannot be written.
    """
    config, thresholds = output.config, options.thresholds
    present, absent, put_aside, dropped = output.ids_in("coverage"), 0, [], []
    cohort = {name: CohortLeft(thresholds, options.least) for name in config.classes}
    funnels, count = CohortFunnel(len(options.parts), options.least), 0
    with output_errors(folder):
        os.makedirs(folder, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".unfinished-") as unfinished:
            made, page = Path(unfinished), PageSlides(config.classes)
            with SlideTables(made, thresholds, len(options.parts), options.least) as tables:
                for row in slides:
                    slide = Slide.from_row(row)
                    if slide.slide_id not in present:
                        absent += 1
                        continue
                    try:
                        left, funnel = _sweep_slide(output, slide, row, options)
                    except (SlideError, OSError) as error:
                        put_aside.append(" ".join(str(error).split()))
                        continue
                    count += 1
                    for name, one in left.items():
                        cohort[name].add(one)
                    funnels.add(funnel)
                    tables.add(slide, left, funnel)
                    page.add(slide, left)
                    if (kept := int(funnel.in_order[-1])) < options.least:
                        dropped.append(Dropped(slide.slide_id, slide.path, kept))
            rows, steps = tuple(sweep_rows(cohort, thresholds)), tuple(funnel_rows(funnels, options.parts))
            gone = len(present.difference(output.slides["slide_id"].to_pylist()))
            swept = Sweep(folder, options, count, absent, gone, tuple(put_aside), rows, steps, tuple(dropped))
            write_csv(made / SWEEP, rows, SWEEP_COLUMNS)
            write_csv(made / FUNNEL, steps, FUNNEL_COLUMNS)
            names = [(one.path, one.tiles) for one in dropped]
            content = render_sweep(thresholds, options.least, count, cohort, page, options.keep, steps, names)
            (made / PAGE).write_text(content, encoding="utf-8")
            for name in FILES:
                os.replace(made / name, os.path.join(folder, name))
    return swept


def rows_of(output: FinishedOutput) -> Iterator[Mapping[str, Any]]:
    """Yield the rows of slides.parquet."""
    for batch in output.slides.to_batches(max_chunksize=1_000):
        yield from batch.to_pylist()


def sweep_finished(output: str, to: str | None, step: float, keep: str | None, per_slide_min: int) -> Sweep:
    """Open an output, check the options, and sweep it with a progress bar on a terminal.

    Args:
        output: Folder, or URI of a store.
        to: Folder of the files; None takes the folder `sweep` of the output.
        step: Distance of two thresholds.
        keep: Condition of the funnel; None takes that of the run.
        per_slide_min: Number of tiles below which a slide drops out.

    Raises:
        ConfigurationError: The output or an option is refused; nothing is written.
        OutputError: The folder cannot be written.
    """
    opened = FinishedOutput.open(output)
    folder = claimed_folder(opened, to)
    options = SweepOptions.of(opened.config, step, keep, per_slide_min)
    is_hidden, total = not sys.stderr.isatty(), opened.slides.num_rows
    console = Console(stderr=True, quiet=is_hidden)
    slides = track(rows_of(opened), "counting tiles", total, console=console, disable=is_hidden)
    return sweep_output(opened, options, folder, slides)


def claimed_folder(output: FinishedOutput, folder: str | None) -> str:
    """Return the absolute path of the folder to write.

    Args:
        output: The output.
        folder: Folder that the user names; None takes the folder `sweep` of the output.

    Raises:
        ConfigurationError: It has files that no sweep wrote under the names of a sweep's files, or is no folder, or
            one of the output's tables, or the output is a store and no folder is named.
    """
    if folder is None and not output.storage.is_local:
        raise ConfigurationError(f"--to: the output {output.storage.output!r} is no folder; give a folder with --to")
    path = os.path.join(output.storage.root, FOLDER) if folder is None else os.path.abspath(folder)
    if os.path.lexists(path) and not os.path.isdir(path):
        raise ConfigurationError(f"--to: {path!r} is no folder; give another one with --to")
    if output.storage.is_local and any(_is_in(path, os.path.join(output.storage.root, name)) for name in SUFFIXES):
        raise ConfigurationError(f"--to: {path!r} is in a table of the output; give another folder with --to")
    found = [name for name in FILES if os.path.lexists(os.path.join(path, name))]
    if found and not _is_sweep(os.path.join(path, PAGE)):
        raise ConfigurationError(
            f"--to: {path!r} has a file {found[0]} that no sweep wrote; give another folder with --to"
        )
    return path


def _is_in(path: str, folder: str) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


def _is_sweep(page: str) -> bool:
    if not os.path.isfile(page):
        return False
    with open(page, "rb") as file:
        return GENERATOR_TAG in file.read(HEAD_BYTES)


def _sweep_slide(
    output: FinishedOutput, slide: Slide, row: Mapping[str, Any], options: SweepOptions
) -> tuple[dict[str, ClassLeft], SlideFunnel]:
    config = output.config
    overlays = [overlay for overlay in config.overlay_columns if overlay.classes]
    areas = {
        one.name: TileAreas.of(slide, config.tiling.last, config.region_of(slide.tile_extent, one.name))
        for one in overlays
    }
    named = {name for part in options.parts for name in part.names}
    cells = {
        name: pa.scalar(row[name], output.slides.schema.field(name).type) for name in named.intersection(config.columns)
    }
    columns = [
        "tile_x",
        "tile_y",
        *sorted(named - cells.keys() | {n for one in overlays for n in (one.inside, *one.classes)}),
    ]
    sweep, funnel = SlideSweep(overlays, areas, options.thresholds), SlideFunnel(options.parts)
    path = output.path_of("coverage", slide.slide_id)
    for group in output.coverage_groups(slide.slide_id, columns):
        _require(columns, group.column_names, path)
        sweep.add(group)
        funnel.add(_with_cells(group, cells))
    return sweep.left(), funnel


def _with_cells(group: pa.Table, cells: Mapping[str, pa.Scalar]) -> pa.Table:
    """Append the cells of the manifest, which coverage/ lacks, as columns."""
    columns = {name: group[name] for name in group.column_names}
    return pa.table(columns | {name: pa.repeat(cell, group.num_rows) for name, cell in cells.items()})


def _require(columns: Sequence[str], found: Sequence[str], path: str) -> None:
    absent = [name for name in columns if name not in found]
    if absent:
        raise TruncatedError(f"{path!r} has no column {absent[0]!r}", path=path, hint="run the flow again")
