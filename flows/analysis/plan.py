"""Plan of a run: what it would find, measure, keep and put aside, from headers and earlier results; nothing is written.

Each slide goes through the functions that the tasks use, in their order:

    discover slides         header, fingerprint, comparison with the stored metadata
    tile slides             number of tiles
    derive overlay paths    files of the overlays, comparison with the stored provenance
    compute overlaps        headers of the overlays, alignment; only of slides that would be measured
"""

import json
import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pyarrow as pa

from flows.config.model import CoverageConfig
from flows.config.overlay_path import Column, overlay_path
from flows.execution.batch import SLIDE_ERRORS
from flows.inputs.discovery import discover, with_column_kinds
from flows.records.fingerprints import Json
from flows.records.input_states import InputStates
from flows.records.masks import FOLDER, mask_record, stored_mask
from flows.records.output_files import OutputFiles
from flows.records.output_layout import with_stored_layout
from flows.records.overlay_headers import check_header
from flows.records.provenance import Provenance, coverage_settings, read_metadata
from flows.records.slide_description import describe
from flows.records.slide_frame import frame_of_tiles
from flows.records.slide_overlays import derive_overlays
from flows.records.slides import Slide, Status
from flows.records.stored_files import grid_axes, read_folder
from flows.reports.ownership import refuse_foreign
from flows.state.done_slides import DoneSlides
from flows.state.run_state import known_files
from flows.storage.listing import names_but
from flows.storage.workspace import Workspace

MAX_THREADS = 16
"""Slides whose headers are read at the same time: most of the time is spent waiting for the storage."""


@dataclass(frozen=True, slots=True)
class PlannedSlide:
    """Part of a run that concerns one slide."""

    path: str
    """The slide."""
    slide_id: str | None = None
    """Name of its files; None if its name is no text."""
    status: Status | None = None
    """State that its coverage would have; None if it would be put aside."""
    tiles: int = 0
    """Tiles of its grid."""
    missing: tuple[str, ...] = ()
    """Overlays that it does not have."""
    bytes_to_read: int = 0
    """Size of the overlays that would be measured."""
    failure: Mapping[str, str] | None = None
    """Stage, error and message if it would be put aside."""

    @property
    def is_measured(self) -> bool:
        """True if a run would measure its overlays."""
        return self.status in {"new", "changed", "recomputed"}


@dataclass(frozen=True, slots=True)
class Plan:
    """Plan of a run."""

    output: str
    """Folder or URI of the tables."""
    overlays: tuple[str, ...]
    """Overlays that are files."""
    slides: Sequence[PlannedSlide]
    """A row per slide found, in the order of the run."""
    gone: Sequence[str]
    """Slides with files in coverage/ that were not found, sorted."""
    tolerated: float
    """Slides that may be put aside before the run counts as failed."""
    remarks: Mapping[str, int] = field(default_factory=dict)
    """Warnings of the readers, and the number of times each came."""

    @property
    def put_aside(self) -> list[PlannedSlide]:
        """Slides that would be put aside."""
        return [slide for slide in self.slides if slide.failure is not None]

    @property
    def missing(self) -> dict[str, int]:
        """Slides without each overlay."""
        counts = Counter(name for slide in self.slides for name in slide.missing)
        return {name: counts[name] for name in self.overlays}

    @property
    def counts(self) -> dict[str, int]:
        """Counts under the names that `run.json` has, and what is to be measured."""
        statuses = Counter(slide.status for slide in self.slides)
        measured = [slide for slide in self.slides if slide.is_measured]
        return {
            "found": len(self.slides),
            "new": statuses["new"],
            "changed": statuses["changed"],
            "recomputed": statuses["recomputed"],
            "unchanged": statuses["unchanged"],
            "put_aside": len(self.put_aside),
            "gone": len(self.gone),
            "tiles": sum(slide.tiles for slide in self.slides if slide.failure is None),
            "tiles_to_measure": sum(slide.tiles for slide in measured),
            "bytes_to_read": sum(slide.bytes_to_read for slide in measured),
        }

    def to_json(self) -> Json:
        """Return the plan for programs."""
        failures = [{"path": slide.path, **(slide.failure or {})} for slide in self.put_aside]
        return {
            "output": self.output,
            "counts": self.counts,
            "tolerated": self.tolerated,
            "missing": self.missing,
            "failures": failures,
            "gone": list(self.gone),
            "remarks": dict(self.remarks),
        }


def plan_run(config: CoverageConfig, threads: int | None = None) -> Plan:
    """Plan a run.

    Headers of the slides are read, and for slides to be measured those of the overlays; of slides that are up to date,
    their tables, or nothing where the state index knows them. With `changes: content` the files are read in full, since
    only that tells if they changed. What the pixels of a file hide, damage among it, only the run finds.

    Args:
        config: Configuration of the run.
        threads: Slides at the same time; None for a number by the processors.

    Raises:
        ConfigurationError: A run would refuse the configuration or the output.
        OutputError: The output cannot be read.
    """
    config = with_column_kinds(config)
    workspace = Workspace.at(config.output)
    workspace, states = with_stored_layout(workspace), InputStates()
    files = OutputFiles.of(workspace)
    refuse_foreign(files, known_files(config, workspace), previews=config.previews, masks=config.detected is not None)
    found = discover(config, states.files)
    table = found.table
    done = DoneSlides.among(table, files, config, workspace, states)
    slides = [
        PlannedSlide(
            row["path"], failure={"stage": "discover slides", "error": row["error"], "message": row["message"]}
        )
        for row in found.failures
    ]
    derive = partial(
        derive_overlays,
        folders=config.slide_folders,
        settings=coverage_settings(config),
        ask=states.fingerprint,
    )
    work = partial(_plan_slide, config=config, workspace=workspace, derive=derive, states=states)
    with warnings.catch_warnings(record=True) as remarks:
        warnings.simplefilter("always")
        rows = table.filter(pa.array(~done.is_done)).to_pylist()
        planned = _in_threads(work, rows, threads or min(MAX_THREADS, 4 * (os.cpu_count() or 1)))
        slides += sorted([*_unchanged(table, done, config, states), *planned], key=lambda slide: slide.path)
    return Plan(
        output=workspace.output,
        overlays=tuple(name for name, overlay in config.overlays.items() if overlay.path is not None),
        slides=slides,
        gone=_find_gone(slides, files),
        tolerated=config.may_put_aside(len(slides)),
        remarks=Counter(str(remark.message) for remark in remarks),
    )


def _unchanged(
    sources: pa.Table, done: DoneSlides, config: CoverageConfig, states: InputStates
) -> Iterator[PlannedSlide]:
    tiles = done.index["tiles"].take(pa.array(done.numbers)).to_pylist()
    for source, count in zip(sources.filter(pa.array(done.is_done)).to_pylist(), tiles, strict=True):
        missing = tuple(name for name, file in _overlay_files(source, config, states).items() if file is None)
        yield PlannedSlide(source["path"], source["slide_id"], "unchanged", count, missing)


def _in_threads(work: partial[PlannedSlide], rows: Sequence[Json], threads: int) -> Iterable[PlannedSlide]:
    from rich.console import Console  # noqa: PLC0415 - slow
    from rich.progress import track  # noqa: PLC0415 - ditto

    console = Console(stderr=True)
    with ThreadPoolExecutor(threads) as pool:
        planned = pool.map(work, rows)
        is_hidden = not console.is_terminal
        yield from track(planned, "reading headers", len(rows), console=console, disable=is_hidden, transient=True)


def _plan_slide(
    source: dict[str, Any],
    config: CoverageConfig,
    workspace: Workspace,
    derive: Callable[..., dict[str, Any]],
    states: InputStates,
) -> PlannedSlide:
    path, stage, known = source["path"], "discover slides", PlannedSlide(source["path"], source["slide_id"])
    missing: tuple[str, ...] = ()
    try:
        missing = tuple(name for name, file in _overlay_files(source, config, states).items() if file is None)
        row = describe(dict(source), config, workspace, states.fingerprint)
        slide, stage = Slide.from_row(row), "tile slides"
        xs, ys = grid_axes(slide, config.tiling.last)
        known, stage = PlannedSlide(path, slide.slide_id, None, len(xs) * len(ys), missing), "derive overlay paths"
        derived = derive(_with_mask(row, slide, config, workspace), config, workspace)
        status, stage = derived["status"], "compute overlaps"
        size = 0 if status == "unchanged" else _check_overlays(derived, slide, config)
    except SLIDE_ERRORS as error:
        failure = {"stage": stage, "error": type(error).__name__, "message": str(error)}
        return PlannedSlide(path, known.slide_id, None, known.tiles, missing, 0, failure)
    return PlannedSlide(path, slide.slide_id, status, known.tiles, missing, size)


def _overlay_files(source: Mapping[str, Any], config: CoverageConfig, states: InputStates) -> dict[str, str | None]:
    """Find the file of each overlay of a slide; None where there is none."""
    files = {}
    for name, overlay in config.overlays.items():
        if overlay.path is None:
            continue
        cell = source.get(f"{name}_source") if isinstance(overlay.path, Column) else None
        file = overlay_path(source["path"], overlay.path, cell)
        files[name] = file if file is not None and states.exists(file) else None
    return files


def _with_mask(row: Json, slide: Slide, config: CoverageConfig, workspace: Workspace) -> Json:
    """Add the fingerprint of the mask of detected tissue: the stored one, or that of the coverage if it is to be made.

    The same slide and detector give the same mask; another slide or detector changes the coverage in any case.
    """
    if config.detected is None:
        return row
    source, path = json.loads(row["identity"]), workspace.of_slide(FOLDER, slide.slide_id)
    mask = stored_mask(path, mask_record(source, config.detected.detector), workspace)
    if mask is None:
        stored = read_metadata(workspace.of_slide("coverage", slide.slide_id), workspace).provenance
        name = next(name for name, overlay in config.overlays.items() if overlay.detect)
        mask = None if stored is None else stored.overlays.get(name)
    return {**row, "mask": json.dumps(mask)}


def _check_overlays(derived: Json, slide: Slide, config: CoverageConfig) -> int:
    """Check the headers of a slide's overlays; return the bytes of their files, each once."""
    provenance = Provenance.from_json(derived["record"])
    paths = {name: provenance.overlay_paths[name] for name, one in config.overlays.items() if one.path is not None}
    frame = frame_of_tiles(derived["frame"], slide)
    for name, path in paths.items():
        if path is not None:
            check_header(name, path, config, frame, provenance.overlay_mpps.get(name))
    sizes = {file["path"]: int(file["size"]) for name, file in provenance.overlays.items() if file and name in paths}
    return sum(sizes.values())


def _find_gone(slides: Iterable[PlannedSlide], files: OutputFiles) -> list[str]:
    """Find the slides that have a file in coverage/ and were not found."""
    found = {slide.path for slide in slides}
    kept = [slide.slide_id for slide in slides if slide.slide_id and slide.failure is None]
    workspace, listing = files.workspace, files.listings["coverage"].files
    names = names_but(listing, ".parquet", pa.array(kept, pa.string()), is_below=workspace.is_below("coverage"))
    stored = read_folder("coverage", names, workspace)
    paths = {file.provenance.slide.path for file in stored if file.state == "whole" and file.provenance is not None}
    return sorted(paths - found)
