"""Sizes and times of the slides' files in an output, from one listing of each folder."""

from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import repeat
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow.fs import FileType

from flows.config.model import CoverageConfig
from flows.storage.listing import Listing, comparable_time, list_folder, names_but
from flows.storage.slices import in_slices
from flows.storage.workspace import Folder, Workspace
from schemas.state import FILES, size_of, time_of

PLACES: dict[str, tuple[Folder, str]] = {
    "coverage": ("coverage", ".parquet"),
    "tiles": ("tiles", ".parquet"),
    "picture": ("previews", ".png"),
    "script": ("previews", ".js"),
    "mask": ("tissue", ".tiff"),
}
"""Folder and suffix of each of `schemas.state.FILES`."""
REQUESTS = 16
"""Files of a store that are asked for at the same time."""


@dataclass(frozen=True, slots=True)
class OutputFiles:
    """Listings of the folders with a file per slide."""

    workspace: Workspace
    """The output, with its layout when it was listed."""
    listings: dict[str, Listing]
    """Listing of each folder."""
    _are_placed: dict[str, pa.Array] = field(default_factory=dict)
    """Result of `_is_placed` for each folder that was asked for, which takes 2 µs a file."""

    @classmethod
    def of(cls, workspace: Workspace) -> Self:
        """List the folders."""
        folders = dict.fromkeys(folder for folder, _ in PLACES.values())
        return cls(workspace, {folder: list_folder(workspace, workspace.published(folder)) for folder in folders})

    def ids_in(self, file: str) -> pa.ChunkedArray:
        """Return the names of such files without their suffix, which are ids unless the files are others'."""
        folder, suffix = PLACES[file]
        names = self.listings[folder].files["name"]
        names = names.filter(pc.ends_with(names, suffix))
        return pc.utf8_slice_codeunits(names, 0, -len(suffix))

    def match(self, rows: pa.Table, files: Iterable[str]) -> npt.NDArray[np.bool_]:
        """Tell which rows of `schemas.state.slide_state` have these files as they are listed.

        A row without such a file does not match, nor does a file without a comparable time or at another place.
        """
        found = np.ones(rows.num_rows, bool)
        for file in files:
            folder, suffix = PLACES[file]
            listing = self._placed(folder)
            names = pc.binary_join_element_wise(rows["slide_id"].cast(pa.string()), suffix, "")
            numbers = pc.index_in(names, value_set=listing["name"])
            for column, listed in ((size_of(file), "size"), (time_of(file), "mtime_ns")):
                same = pc.equal(rows[column], listing[listed].take(numbers))
                found &= same.to_numpy() == np.True_  # null is not
        return found

    def _placed(self, folder: Folder) -> pa.Table:
        """Return the listing of a folder without files that lie where no slide's file does, or in two places."""
        listing = self.listings[folder].files
        if self.workspace.layout == "flat":
            return listing.filter(pc.equal(listing["subfolder"], ""))
        if folder not in self._are_placed:
            self._are_placed[folder] = self._is_placed(folder)
        placed = listing.filter(self._are_placed[folder])
        counts = pc.value_counts(placed["name"])
        twice = counts.field("values").filter(pc.greater(counts.field("counts"), 1))
        return placed.filter(pc.invert(pc.is_in(placed["name"], value_set=twice)))

    def _is_placed(self, folder: Folder) -> pa.Array:
        """Return True for each file of a folder that lies where its slide's file does."""
        listing, is_place_of = self.listings[folder].files, self.workspace.is_place_of
        places = zip(in_slices(listing["name"]), in_slices(listing["subfolder"]), strict=True)
        is_placed = (is_place_of(name.rpartition(".")[0], folder, subfolder) for name, subfolder in places)
        return pa.array(is_placed, pa.bool_())

    def unmatched(self, file: str, rows: pa.Table | None) -> list[str]:
        """Return the paths in their folder of such files that are not as rows of `schemas.state.slide_state` say."""
        folder, suffix = PLACES[file]
        known = None if rows is None else rows["slide_id"].filter(pa.array(self.match(rows, [file])))
        return names_but(self.listings[folder].files, suffix, known)


def files_of(config: CoverageConfig) -> tuple[str, ...]:
    """Return the files that each slide in the tables has."""
    files = {"picture": config.previews, "script": config.previews, "mask": config.detected is not None}
    return tuple(file for file in FILES if files.get(file, True))


def file_columns(slide_ids: Sequence[str], files: Collection[str], workspace: Workspace) -> dict[str, pa.Array]:
    """Return the size and time of each slide's files as columns; null where there is none, or none is asked for.

    A time that cannot be compared (`flows.storage.listing.comparable_time`) is null too.
    """
    columns = {}
    for file in FILES:
        folder, suffix = PLACES[file]
        paths = [workspace.of_slide(folder, one, suffix) for one in slide_ids] if file in files else ()
        found = _states(paths, workspace) if paths else repeat((None, None), len(slide_ids))
        sizes, times = zip(*found, strict=True) if slide_ids else ((), ())
        columns[size_of(file)], columns[time_of(file)] = pa.array(sizes, pa.int64()), pa.array(times, pa.int64())
    return columns


def _states(paths: Sequence[str], workspace: Workspace) -> Iterable[tuple[int | None, int | None]]:
    with ThreadPoolExecutor(1 if workspace.is_local else REQUESTS) as pool:
        for found in pool.map(workspace.files.get_file_info, paths):
            mtime_ns = comparable_time(found.mtime_ns, workspace)
            yield (found.size, mtime_ns if mtime_ns >= 0 else None) if found.type == FileType.File else (None, None)
