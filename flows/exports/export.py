"""Export of the finished tables of an output, a slide at a time.

    open       everything that can be refused is refused, nothing is written
    write      each slide alone: its files are written to a hidden folder and moved into place
    finish     files about all slides; files of slides that are no longer exported are removed; the record

The record is marked as unfinished before the first file is written, so that the files of a killed export are known as
such (docs/decisions/0023-exports.md).
"""

import hashlib
import json
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import pyarrow as pa

from flows.config.errors import ConfigurationError
from flows.config.export_settings import ExportSettings, FormatName, TileColumns, check_export, where_expression
from flows.exports.export_format import ExportedSlide, ExportFormat
from flows.exports.export_record import VERSION, ExportedFiles, ExportRecord, PutAside
from flows.exports.export_target import ExportTarget
from flows.exports.names import name_of, refuse_equal_files
from flows.exports.registry import format_of, refuse_taken_names
from flows.records.fingerprints import Json
from flows.records.finished_output import FinishedOutput
from flows.records.provenance import PROVENANCE_KEY
from flows.records.slides import Slide
from flows.storage.lock import output_lock
from flows.storage.parquet import damage_errors
from ratiopath.errors import SlideError, SlideNotFoundError, TruncatedError
from schemas.columns import LEVEL0_COLUMNS, SLIDE_COLUMNS, TILE_COLUMNS

Result = ExportedFiles | PutAside
"""Files of a slide, or the reason why it has none."""


@dataclass(frozen=True, slots=True)
class SlideExport:
    """Work on one slide; pickled to workers."""

    name: FormatName
    """Name of the format."""
    settings: ExportSettings
    """Settings, with the columns to write."""
    tables: FinishedOutput
    """Output, without its slides."""
    columns: TileColumns
    """Columns of tiles/."""
    target: ExportTarget
    """Folder of the export."""

    @property
    def format(self) -> ExportFormat:
        """The format, with its options."""
        return format_of(self.name, self.settings, self.tables.config.tiling)

    def attempt(self, row: Mapping[str, Any], pool: Path | None = None) -> Result:
        """Write the files of a slide; a slide that cannot be exported is put aside with the reason.

        Args:
            row: Its row of slides.parquet.
            pool: Folder for the files until the export is finished; None to move them into place.

        Raises:
            ConfigurationError: A file of others has the name of one of the slide's.
            OutputError: The folder cannot be written.
        """
        try:
            return self.write(row, pool)
        except (SlideError, OSError, MemoryError) as error:
            return PutAside(path=row["path"], reason=f"{type(error).__name__}: {error}")

    def write(self, row: Mapping[str, Any], pool: Path | None = None) -> ExportedFiles:
        """Write the files of a slide.

        Raises:
            SlideError: The tables hold no tiles of the slide, or the format cannot hold it.
        """
        exported, source = self._read(row)
        with self.target.staging() as folder:
            self.format.write_slide(exported, folder)
            files = self.target.publish(folder) if pool is None else _pooled(folder, pool)
        about = {"slide_id": row["slide_id"], "path": row["path"], "name": exported.name}
        return ExportedFiles(**about, tiles=exported.tiles.num_rows, source=source, files=files)

    def describe(self, row: Mapping[str, Any], tiles: int) -> ExportedSlide:
        """Return a slide without its tiles, of which only the number is known."""
        return self._slide(row, pa.table({"tile": pa.nulls(tiles)}).select([]))

    def _read(self, row: Mapping[str, Any]) -> tuple[ExportedSlide, str | None]:
        path = self.tables.path_of("tiles", row["slide_id"])
        if not self.tables.storage.is_file(path):
            hint = "see failures.parquet, and run the flow again"
            raise SlideNotFoundError(f"{row['path']!r} has no file in tiles/", path=path, hint=hint)
        with damage_errors(path):
            tiles = self.tables.tiles(row["slide_id"])
        missing = {*TILE_COLUMNS, *LEVEL0_COLUMNS, *self.columns.measures}.difference(tiles.column_names)
        if missing:
            problem = f"{path!r} has no column {min(missing)}"
            raise TruncatedError(problem, path=path, hint="run the flow again, with the version that exports")
        made_from = (tiles.schema.metadata or {}).get(PROVENANCE_KEY)
        digest = None if made_from is None else hashlib.sha256(made_from).hexdigest()
        where = where_expression(self.settings, self.columns)
        if where is not None:
            tiles = tiles.filter(where)
        return self._slide(row, tiles), source_of(digest, row)

    def _slide(self, row: Mapping[str, Any], tiles: pa.Table) -> ExportedSlide:
        name = name_of(row["path"], row["slide_id"], self.settings)
        return ExportedSlide(name, Slide.from_row(row), row, tiles, tuple(self.settings.classes or ()))


@dataclass(frozen=True, slots=True)
class Export:
    """Export of an output in one format, nothing of which is written yet."""

    slide: SlideExport
    """Work on each slide."""
    rows: Sequence[Mapping[str, Any]]
    """Rows of slides.parquet to export."""
    previous: ExportRecord | None
    """Record of the last export to the folder."""
    missing: frozenset[str]
    """Files in the record that are no longer there."""
    schema: pa.Schema
    """Columns of the rows."""

    @classmethod
    def open(cls, tables: FinishedOutput, name: FormatName, settings: ExportSettings) -> Self:
        """Check everything that can be refused.

        Raises:
            ConfigurationError: A setting does not fit the tables, two slides have one name, or the folder is not free.
        """
        missing = [name for name in SLIDE_COLUMNS if name not in tables.slides.column_names]
        if missing:
            found = f"slides.parquet in {tables.storage.output!r} has no column {missing[0]}"
            raise ConfigurationError(f"output: {found}; run the flow again, with the version that exports")
        columns = TileColumns.of(tables.config.overlay_columns, tables.config.manifest_names)
        try:
            check_export(name, settings, columns)
        except ValueError as error:
            raise ConfigurationError(str(error)) from None
        refuse_taken_names(name, settings, tables.config)
        rows = tables.slides.to_pylist()
        classes = settings.classes or tables.config.classes or list(columns.measures)
        refuse_equal_files([(row["path"], row["slide_id"]) for row in rows], name, settings, classes)
        target, previous, lost = ExportTarget.open(settings.to, name, tables.storage)
        chosen = settings.model_copy(update={"classes": classes})
        if name == "qupath" and settings.classify is None:  # statistics and NAME_inside are no shares of classes
            shares = [one for one in classes if one in tables.config.classes]
            chosen = chosen.model_copy(update={"classify": shares or None})
        light = replace(tables, slides=tables.slides.slice(0, 0), record={})
        return cls(SlideExport(name, chosen, light, columns, target), rows, previous, lost, tables.slides.schema)

    @property
    def is_pooled(self) -> bool:
        """True if the files of all slides are moved into place together, by this process."""
        return bool(getattr(self.slide.format, "shares_folder", False))

    @property
    def content_settings(self) -> Json:
        """Settings that decide the content of the files."""
        return self.slide.settings.model_dump(mode="json", exclude={"to"})

    def is_current(self, slide: ExportedFiles, source: str | None) -> bool:
        """Return True if a slide's files would be written anew with the same content, and are in place.

        Args:
            slide: Files of the slide in the last export.
            source: Digest of what they would be made from.
        """
        last = self.previous
        if last is None or not last.is_finished or last.version != VERSION or last.settings != self.content_settings:
            return False
        return source is not None and slide.source == source and self.missing.isdisjoint(slide.files)

    def is_complete(self, current: Collection[str]) -> bool:
        """Return True if the folder holds what an export would write.

        Args:
            current: Ids of the slides whose files are current.
        """
        last = self.previous
        exported = [slide.slide_id for slide in last.slides] if last is not None and last.is_finished else None
        is_all = exported == [row["slide_id"] for row in self.rows if row["slide_id"] in current]
        return is_all and len(current) == len(self.rows) and not self.missing

    @contextmanager
    def running(self) -> Iterator["RunningExport"]:
        """Hold the folder and mark its record as unfinished.

        Raises:
            OutputError: Another export holds the folder, or it cannot be written.
        """
        target = self.slide.target
        with output_lock(target.workspace), ExitStack() as opened:
            target.tidy()
            opened.callback(target.tidy)
            before = self.previous or self.record()
            before.model_copy(update={"is_finished": False, "others": sorted(target.others)}).write(target.workspace)
            pool = opened.enter_context(target.staging()) if self.is_pooled else None
            yield RunningExport(self, pool)

    def run(self, advance: Callable[[str], None]) -> ExportRecord:
        """Export every slide anew, one after another in this process.

        Args:
            advance: Callback with the path of each slide that is done.

        Raises:
            ConfigurationError: A file of others has a name of the export.
            OutputError: The folder cannot be written.
        """
        with self.running() as running:
            results = []
            for row in self.rows:
                results.append(running.attempt(row))
                advance(row["path"])
            return running.finish(results)

    @property
    def folder(self) -> str:
        """Folder or URI of the files, as users name it."""
        return self.slide.target.workspace.output

    @property
    def next_steps(self) -> list[str]:
        """Lines that say how the files are used; the URI of a store is without its options, which end it."""
        shown = self.folder if self.slide.target.workspace.is_local else self.folder.partition("?")[0]
        return [line.replace(self.folder, shown) for line in self.slide.format.next_steps(self.folder)]

    def record(self, **content: Any) -> ExportRecord:
        """Return a record of this export."""
        name, output = self.slide.name, self.slide.tables.storage.output
        return ExportRecord(format=name, settings=self.content_settings, output=output, **content)


@dataclass(frozen=True, slots=True)
class RunningExport:
    """Export that holds its folder."""

    export: Export
    """The export."""
    pool: Path | None
    """Folder of the files until the end, if the format asks for one."""

    def attempt(self, row: Mapping[str, Any]) -> Result:
        """Write the files of a slide in this process."""
        return self.export.slide.attempt(row, self.pool)

    def finish(self, results: Sequence[Result]) -> ExportRecord:
        """Write the files about all slides, remove what is no longer exported, and write the record.

        Args:
            results: Result of each slide, in the order of the rows.
        """
        export, target = self.export, self.export.slide.target
        done = [one for one in results if isinstance(one, ExportedFiles)]
        rows = {row["slide_id"]: row for row in export.rows}
        slides = [export.slide.describe(rows[one.slide_id], one.tiles) for one in done]
        made = export.slide.format
        with nullcontext(self.pool) if self.pool else target.staging() as folder:
            made.write_cohort(slides, export.slide.tables.config, folder)
            cohort = target.publish(folder)
        put_aside = [one for one in results if isinstance(one, PutAside)]
        if self.pool:
            done = [one.model_copy(update={"files": []}) for one in done]
        record = export.record(slides=done, cohort=cohort, put_aside=put_aside)
        target.remove(sorted(set(export.previous.files if export.previous else ()) - set(record.files)))
        record.write(target.workspace)
        return record


def source_of(made_from: str | None, row: Mapping[str, Any]) -> str | None:
    """Return the digest of what a slide's files are made from.

    Args:
        made_from: Digest of the provenance of its file in tiles/; None if it has none.
        row: Its row of slides.parquet.
    """
    if made_from is None:
        return None
    return hashlib.sha256(json.dumps([made_from, dict(row)], sort_keys=True, default=str).encode()).hexdigest()


def _pooled(folder: Path, pool: Path) -> list[str]:
    """Move the files of a slide to those of all slides, on the same disk."""
    files = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    for file in files:
        (pool / file).parent.mkdir(parents=True, exist_ok=True)
        os.replace(folder / file, pool / file)
    return [file.as_posix() for file in files]
