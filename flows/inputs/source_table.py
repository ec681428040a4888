"""Table of slides that the configuration names, before any is opened.

    path          absolute path, or URI
    slide_mpp     resolution in its row of the manifest, µm/px; null if there is none
    slide_id      id in its row of the manifest, or one made of its path
    cells         JSON: cells of the manifest's columns that go through to the tables
    NAME_source   path of an overlay in its row of the manifest, absolute, or URI; null for an empty cell
    NAME_given    resolution of an overlay in its row of the manifest, µm/px; null for an empty cell
    instances     JSON: path, size and mtime_ns of the other files of a DICOM series; null for other slides

While slides are searched for, `path` is bytes, as a name on a disk need not be text, `slide_id` is null where the
manifest has none, and there is no `instances`.
"""

from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.compute as pc

from flows.config.errors import ConfigurationError
from flows.storage.slices import slices_of

NO_CELLS = "{}"
"""Cells of a slide without columns that go through."""


def source_schema(overlays: Iterable[str] = (), mpps: Iterable[str] = ()) -> pa.Schema:
    """Return the columns while slides are searched for.

    Args:
        overlays: Overlays whose path is a column of the manifest.
        mpps: Overlays whose resolution is a column of the manifest.
    """
    return pa.schema(
        [
            ("path", pa.binary()),
            ("slide_mpp", pa.float64()),
            ("slide_id", pa.string()),
            ("cells", pa.string()),
            *((f"{name}_source", pa.string()) for name in overlays),
            *((f"{name}_given", pa.float64()) for name in mpps),
        ]
    )


def name_bytes(path: str) -> bytes:
    """Return the bytes that name a file; those of a name on a disk that is no text are what they are there."""
    return path.encode(errors="surrogateescape")


def name_text(name: bytes) -> str:
    """Return the path that bytes name."""
    return name.decode(errors="surrogateescape")


def without_manifest(paths: Iterable[str]) -> Iterator[pa.Table]:
    """Yield rows of slides that no manifest describes, in slices."""
    schema = source_schema()
    for some in slices_of(map(name_bytes, paths)):
        nothing = {name: pa.nulls(len(some), schema.field(name).type) for name in ("slide_mpp", "slide_id")}
        yield pa.table({"path": some, **nothing, "cells": pa.repeat(NO_CELLS, len(some))}, schema)


def each_once(rows: pa.Table) -> pa.Table:
    """Return a row per slide, by path.

    Args:
        rows: Rows of slides, several of which may be of one slide if they say the same, or all but one of them nothing.

    Raises:
        ConfigurationError: Two rows of a slide say different things.
    """
    if pc.count_distinct(rows["path"]).as_py() != rows.num_rows:
        rows = rows.group_by(rows.column_names, use_threads=False).aggregate([])
        if rows.schema == source_schema():
            says = pc.or_(rows["slide_mpp"].is_valid(), rows["slide_id"].is_valid())
            says = pc.or_(says, pc.not_equal(rows["cells"], NO_CELLS))
            described = rows["path"].filter(says).combine_chunks()
            rows = rows.filter(pc.or_(says, pc.invert(pc.is_in(rows["path"], value_set=described))))
    rows = rows.sort_by("path")
    paths = rows["path"]
    is_again = pc.equal(paths.slice(1), paths.slice(0, max(0, len(paths) - 1)))
    place = pc.index(is_again, True).as_py()
    if place >= 0:
        found = repr(name_text(paths[place].as_py()))
        raise ConfigurationError(f"slides: {found} has two different rows in manifests; delete one of them")
    return rows
