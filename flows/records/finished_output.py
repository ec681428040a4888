"""Finished tables of an output, read by commands that open no slide and no overlay."""

import json
import posixpath
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Self

import pyarrow as pa

from flows.config.errors import ConfigurationError
from flows.config.model import CoverageConfig
from flows.records.fingerprints import Json
from flows.records.output_layout import MAX_RECORD, layout_in
from flows.storage.listing import list_names
from flows.storage.parquet import count_rows, damage_errors, read_table, row_groups
from flows.storage.workspace import SUFFIXES, Folder, Workspace
from ratiopath.errors import RatiopathError

READERS = 16
"""Files that are read at the same time: an object store takes a tenth of a second for each."""


@dataclass(frozen=True, slots=True)
class FinishedOutput:
    """Tables of the last finished run of an output."""

    storage: Workspace
    """Folder or store of the tables."""
    config: CoverageConfig
    """Configuration of the run."""
    record: Json
    """Content of run.json."""
    slides: pa.Table
    """slides.parquet: the slides that the run found and read, sorted by path."""

    def __repr__(self) -> str:
        """Return the output and its number of slides: notebooks would print the whole configuration."""
        return f"FinishedOutput({self.storage.output!r}, {self.slides.num_rows} slides)"

    @classmethod
    def open(cls, output: str) -> Self:
        """Open an output; only run.json and slides.parquet are read.

        Args:
            output: Folder, or URI of a store.

        Raises:
            ConfigurationError: It is no output of a finished run, or of another version.
        """
        storage = Workspace.at(output)
        path = posixpath.join(storage.root, "run.json")
        try:
            record = json.loads(storage.read_head(path, MAX_RECORD))
            config = CoverageConfig.model_validate(record["configuration"])
            storage = replace(storage, layout=layout_in(record))
            slides = read_table(posixpath.join(storage.root, "slides.parquet"), storage.files)
        except (ValueError, TypeError, KeyError, OSError, RatiopathError, pa.ArrowException) as error:
            what = "holds no finished run" if not storage.is_file(path) else "cannot be read"
            found = f": {' '.join(str(error).split())[:300]}" if storage.is_file(path) else " (no run.json)"
            remedy = "give the output of a finished run, or run the flow again"
            raise ConfigurationError(f"output: {output!r} {what}{found}; {remedy}") from error
        return cls(storage, config, record, slides)

    def path_of(self, folder: Folder, slide_id: str) -> str:
        """Return the path of one slide's file in coverage/ or tiles/."""
        return self.storage.of_slide(folder, slide_id)

    def ids_in(self, folder: Folder) -> set[str]:
        """List the slides that have a file in coverage/ or tiles/."""
        found = set()
        for name, subfolder in list_names(self.storage, self.storage.published(folder)):
            stem, suffix = posixpath.splitext(name)
            if suffix == SUFFIXES[folder] and self.storage.is_place_of(stem, folder, subfolder):
                found.add(stem)
        return found - {"empty"}

    def tile_counts(self, slide_ids: Sequence[str]) -> Iterator[int]:
        """Count the kept tiles of slides, in order; only the footers are read, some at a time."""
        existing = self.ids_in("tiles")

        def count(slide_id: str) -> int:
            path = self.path_of("tiles", slide_id)
            with damage_errors(path):
                return count_rows(path, self.storage.files) if slide_id in existing else 0

        with ThreadPoolExecutor(READERS) as pool:
            yield from pool.map(count, slide_ids)

    def tiles(self, slide_id: str, columns: Sequence[str] | None = None) -> pa.Table:
        """Read the kept tiles of one slide, row-major."""
        path = self.path_of("tiles", slide_id)
        return read_table(path, self.storage.files) if columns is None else self._read(path, columns)

    def tiles_of(self, slide_ids: Sequence[str], columns: Sequence[str]) -> Iterator[pa.Table]:
        """Read columns of the kept tiles of slides, in order; some slides at a time."""
        with ThreadPoolExecutor(READERS) as pool:
            for start in range(0, len(slide_ids), READERS):
                yield from pool.map(lambda one: self.tiles(one, columns), slide_ids[start : start + READERS])

    def coverage(self, slide_id: str, columns: Sequence[str]) -> pa.Table:
        """Read columns of all tiles of one slide, row-major; a few columns, since maps take most of the bytes."""
        return self._read(self.path_of("coverage", slide_id), columns)

    def coverage_groups(self, slide_id: str, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Read columns of all tiles of one slide, a row group at a time."""
        return row_groups(self.path_of("coverage", slide_id), self.storage.files, columns)

    def _read(self, path: str, columns: Sequence[str]) -> pa.Table:
        groups = list(row_groups(path, self.storage.files, list(columns)))
        return pa.concat_tables(groups) if groups else pa.table({name: pa.nulls(0) for name in columns})
