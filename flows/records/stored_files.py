"""Files of earlier runs in coverage/ and tiles/: their records, their grids, and the search for damage in them."""

import math
import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from flows.config.model import CoverageConfig
from flows.records.provenance import EMPTY, Metadata, Provenance, metadata_of, read_metadata, tiles_schema
from flows.records.slides import Slide
from flows.storage.filesystem import Storage
from flows.storage.parquet import damage_errors, open_table
from flows.storage.workspace import Workspace, is_slide_id
from ratiopath.errors import SlideError, TruncatedError, UnsupportedImageError
from ratiopath.geometry import Int64s
from ratiopath.grid import Last, axis_origins
from schemas.coverage import coverage
from schemas.grid import GRID

MAX_TILES = 1 << 26
"""Maximum number of tiles of a slide: a header that lies may ask for a million times more."""
MAX_AXIS_TILES = 1 << 20
"""Maximum number of tiles along one axis of a slide, whose origins are held in memory."""


class ForeignFileError(SlideError):
    """A file of another program under the name of a slide's file."""


class UnreadError(SlideError):
    """A file of a gone slide that cannot be read at the moment, and may be whole."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a slide in coverage/ or tiles/."""

    path: str
    """Path in the storage."""
    stem: str
    """Name without its suffix: the slide id, unless the file is a copy."""
    provenance: Provenance | None
    """Provenance of a whole file; no path is formed from that of another one."""
    state: Literal["whole", "copy", "damaged", "unread"] = "whole"
    """Copy: its name or subfolder is not that of the slide in its provenance; damaged: its footer is; unread: it gave
    no bytes."""
    error: UnreadError | None = None
    """Error of an unread file."""


def count_tiles(slide: Slide) -> int:
    """Return an upper bound of the number of tiles, from the header alone."""
    return math.prod(_axis_tiles(slide))


def _axis_tiles(slide: Slide) -> tuple[int, int]:
    return -(-slide.extent.width // slide.stride.width), -(-slide.extent.height // slide.stride.height)


def grid_axes(slide: Slide, last: Last) -> tuple[Int64s, Int64s]:
    """Compute the origins of a slide's tiles along x and along y, px of the level.

    Raises:
        UnsupportedImageError: The slide would have too many tiles; found out before memory is used for them.
    """
    longest = max(_axis_tiles(slide))
    for count, limit, along in ((count_tiles(slide), MAX_TILES, ""), (longest, MAX_AXIS_TILES, " along one axis")):
        if count > limit:
            on = f"on {slide.extent.width} x {slide.extent.height} px, more than {limit:,}"
            hint = "set a larger tiling.stride, or check the slide: its header may be wrong"
            problem = f"{slide.path!r} would have {count:,} tiles{along} {on}"
            raise UnsupportedImageError(problem, path=slide.path, hint=hint)
    return (
        axis_origins(slide.extent.width, slide.tile_extent.width, slide.stride.width, last),
        axis_origins(slide.extent.height, slide.tile_extent.height, slide.stride.height, last),
    )


def has_grid(
    path: str, provenance: Provenance, config: CoverageConfig, storage: Storage, content: pa.Buffer | None = None
) -> bool:
    """Return True if a file in coverage/ holds the whole grid of its slide, and no page of it is damaged.

    All of the file is read, since a damaged page shows in no other way. A file of the configuration's own settings must
    have its columns too. `content` holds the bytes of the file if they are at hand.
    """
    slide = provenance.slide
    schema = coverage(config.overlay_columns).arrow if provenance.is_current(config) else None
    try:
        xs, ys = grid_axes(slide, config.tiling.last)
        rows = 0
        for group in _groups(path, schema, slide.slide_id, storage, content):
            numbers = np.arange(rows, rows + group.num_rows)
            rows += group.num_rows
            if rows > len(xs) * len(ys):
                return False
            expected = xs[numbers % len(xs)], ys[numbers // len(xs)]
            found = group["tile_x"].to_numpy(), group["tile_y"].to_numpy()
            if not all(map(np.array_equal, expected, found)):
                return False
    except (TruncatedError, UnsupportedImageError):
        return False
    return rows == len(xs) * len(ys)


def refuse_foreign_table(path: str, slide_id: str, storage: Storage) -> None:
    """Refuse to write over a table without provenance that is not known to be a run's.

    A file named by a derived id is; one named by an id of a manifest is if it begins with the columns of a grid.

    Raises:
        ForeignFileError: It is another program's, or too damaged to tell.
    """
    if is_slide_id(slide_id) or not storage.is_file(path):
        return
    try:
        names = pq.read_schema(path, filesystem=storage.files).names
    except (pa.ArrowException, OSError, ValueError):
        names = []
    if names[: len(GRID.arrow)] != GRID.arrow.names:
        problem = f"{path!r} is not a file of this program, or is damaged"
        raise ForeignFileError(problem, path=path, hint="move it away, or give the slide another id")


def has_tiles(
    path: str, slide_id: str, config: CoverageConfig, storage: Storage, content: pa.Buffer | None = None
) -> bool:
    """Return True if a file in tiles/ has the configuration's columns, only rows of its slide, and no damaged page.

    `content` holds the bytes of the file if they are at hand.
    """
    try:
        for _ in _groups(path, tiles_schema(config).arrow, slide_id, storage, content):
            pass
    except TruncatedError:
        return False
    return True


def _groups(
    path: str, schema: pa.Schema | None, slide_id: str, storage: Storage, content: pa.Buffer | None
) -> Iterator[pa.Table]:
    """Read the row groups of a slide's file.

    Args:
        path: Parquet file.
        schema: Columns of the file; None if only those of the grid are known, which come first.
        slide_id: Slide of every row.
        storage: File system of the output.
        content: Bytes of the file; None to read it.

    Raises:
        TruncatedError: The file is damaged, or has other columns or rows of another slide.
    """
    other = TruncatedError(f"{path!r} holds another table", path=path, hint="remove it and run again")
    with damage_errors(path), open_table(path if content is None else content, storage.files) as file:
        found = file.schema_arrow.remove_metadata()
        if list(found)[: len(GRID.arrow)] != list(GRID.arrow) or (schema is not None and not found.equals(schema)):
            raise other
        for number in range(file.num_row_groups):
            group = file.read_row_group(number)
            if not pc.all(pc.equal(group["slide_id"], slide_id), skip_nulls=False).as_py():
                raise other
            yield group


def read_content(path: str, storage: Storage) -> pa.Buffer:
    """Read the bytes of a file: an error of the storage is told from damage only here, where nothing is decoded.

    Raises:
        UnreadError: The storage does not give them.
    """
    try:
        with storage.files.open_input_file(path) as file:
            return file.read_buffer()
    except OSError as error:
        raise unread(path, error) from error


def read_content_metadata(content: pa.Buffer) -> Metadata:
    """Read the metadata of a slide's file from its bytes; what is damaged is None."""
    try:
        return metadata_of(pq.read_metadata(pa.BufferReader(content)))
    except (pa.ArrowException, OSError):
        return Metadata()


def unread(path: str, error: Exception | None = None) -> UnreadError:
    """Return the error of a file of a gone slide that an error of the storage has hidden, as far as it is known."""
    found = "the storage did not give it" if error is None else " ".join(str(error).split())
    hint = "check permissions and the storage, and run again"
    return UnreadError(f"{path!r} of a slide that is gone cannot be read: {found}; it is kept", path=path, hint=hint)


def read_folder(
    folder: Literal["coverage", "tiles"], names: Iterable[str], workspace: Workspace
) -> Iterator[StoredFile]:
    """Read the provenance of files in a folder; other programs' files are left out.

    Args:
        folder: The folder.
        names: Paths of Parquet files in it.
        workspace: The output.

    Yields:
        The files. One without provenance that has another name or subfolder than a slide's file is another program's.
    """
    for name in names:
        path, (subfolder, stem) = workspace.published(folder, name), posixpath.split(posixpath.splitext(name)[0])
        if name == EMPTY:
            continue
        is_placed = workspace.is_place_of(stem, folder, subfolder)
        provenance = read_metadata(path, workspace).provenance
        if provenance is None and is_placed and is_slide_id(stem):
            try:
                provenance = read_content_metadata(read_content(path, workspace)).provenance
            except UnreadError as error:
                yield StoredFile(path, stem, None, "unread", error)
                continue
            if provenance is None:
                yield StoredFile(path, stem, None, "damaged")
        if provenance is not None:
            is_own = is_placed and provenance.slide.slide_id == stem
            yield StoredFile(path, stem, provenance, "whole" if is_own else "copy")
