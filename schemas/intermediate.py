"""Tables that tasks hand on to each other inside a run."""

from collections.abc import Sequence

import pandera.pyarrow as pap
import pyarrow as pa

from schemas.columns import OverlayColumns
from schemas.fields import NOT_NEGATIVE, PATH, POSITIVE, SLIDE_ID
from schemas.slides import SLIDE_COLUMNS
from schemas.table import Column, TableSchema

IDENTITY = Column("identity", pa.string())
"""JSON: fingerprint of the slide and the resolution given for it."""
STATE = Column("state", pa.string())
"""JSON: fingerprint of the slide by size and mtime, taken before it was read."""
INSTANCES = Column("instances", pa.string(), nullable=True)
"""JSON: such fingerprints of the other files of a DICOM series; null for other slides."""
STATES = Column("states", pa.string())
"""JSON: such fingerprints of the slide, with the other files of its series, and its overlays."""
GRID_FILE = Column("grid", pa.string(), nullable=True)
"""File of an earlier run that holds the grid of this very slide; null where the grid has to be made."""
STATUSES = ("new", "changed", "recomputed", "unchanged", "gone")
STATUS = Column("status", pa.string(), (pap.Check.isin(STATUSES, error=f"a status is one of {', '.join(STATUSES)}"),))
"""State of a slide's coverage in this run; gone: kept although the slide was not found."""
SECONDS = Column("seconds", pa.float64(), (NOT_NEGATIVE,), nullable=True)
"""Time that workers spent measuring the slide, in seconds; null where its file was kept."""
FRAME = Column("frame", pa.string(), nullable=True)
"""JSON: frame of the slide, see `flows.records.slide_frame`; null where the slide was not opened."""
CELLS = Column("cells", pa.string())
"""JSON: cells of the manifest's columns that go through to the tables."""
FILE_COLUMNS = (SLIDE_ID, PATH, Column("file", pa.string()), Column("rows", pa.int64(), (NOT_NEGATIVE,)))
"""Index columns: a slide's file and its row count."""
GRID_SIZES = TableSchema.of(
    "sizes of grids",
    (SLIDE_ID, PATH, *(Column(name, pa.int64(), (NOT_NEGATIVE,)) for name in ("tiles", "groups"))),
    key=("slide_id",),
)
"""A row per slide: the number of its tiles, and of the row groups in which they are measured."""
COVERED = TableSchema.of("covered slides", (*FILE_COLUMNS, STATUS, SECONDS), key=("slide_id",))
PICTURES = TableSchema.of(
    "pictures", (SLIDE_ID, PATH, Column("trouble", pa.string(), nullable=True)), key=("slide_id",)
)
"""A row per slide in the tables; `trouble` is the reason for a missing picture, null where it is there."""
EXPORTS = TableSchema.of(
    "exports",
    (
        *(Column(name, pa.string()) for name in ("format", "folder")),
        *(Column(name, pa.int64(), (NOT_NEGATIVE,)) for name in ("slides", "tiles", "files", "written", "put_aside")),
    ),
    key=("format",),
)
"""A row per format: the folder, what is in it, the slides written in this run, and those that cannot be written."""
EXPORTED = TableSchema.of(
    "exported slides",
    (
        SLIDE_ID,
        PATH,
        *(Column(name, pa.string(), nullable=True) for name in ("name", "source", "made_from", "trouble")),
        Column("tiles", pa.int64(), (NOT_NEGATIVE,), nullable=True),
        Column("files", pa.list_(pa.string()), nullable=True),
    ),
    key=("slide_id",),
)
"""A row per slide of an export; `trouble` is the reason why it has no files, which are null then."""
MASK = Column("mask", pa.string())
"""JSON: fingerprint of the mask of the slide's tissue."""
GONE = TableSchema.of("gone slides", (*SLIDE_COLUMNS, CELLS, *FILE_COLUMNS[2:], STATUS, SECONDS), key=("slide_id",))
"""A row per gone slide, with its file in coverage/."""
PROVENANCE = Column("record", pa.string())
"""JSON: provenance of the slide's file in coverage/."""


def discovered_slides(overlays: tuple[str, ...], resolutions: tuple[str, ...] = ()) -> TableSchema:
    """Return the schema of the slides with their manifest's cells.

    Args:
        overlays: Overlays whose path is a column of the manifest.
        resolutions: Overlays whose resolution is a column of the manifest, µm/px.
    """
    return TableSchema.of("discovered slides", _discovered(overlays, resolutions), key=("path",))


def _discovered(overlays: tuple[str, ...], resolutions: tuple[str, ...]) -> tuple[Column, ...]:
    sources = [Column(f"{name}_source", pa.string(), nullable=True) for name in overlays]
    mpps = [Column(f"{name}_given", pa.float64(), (POSITIVE,), nullable=True) for name in resolutions]
    return (*SLIDE_COLUMNS, IDENTITY, STATE, INSTANCES, GRID_FILE, FRAME, CELLS, *sources, *mpps)


def masked_slides(overlays: tuple[str, ...], resolutions: tuple[str, ...] = ()) -> TableSchema:
    """Return the schema of the same slides, each with the fingerprint of its mask as JSON."""
    return TableSchema.of("masked slides", (*_discovered(overlays, resolutions), MASK), key=("path",))


def overlay_paths(overlays: Sequence[OverlayColumns]) -> TableSchema:
    """Return the schema of the slides with a path per overlay; null where a slide may have no such overlay."""
    paths = [Column(overlay.path, pa.string(), nullable=overlay.missing != "fail") for overlay in overlays]
    columns = (SLIDE_ID, PATH, *paths, PROVENANCE, STATES, FRAME, STATUS)
    return TableSchema.of("overlay paths", columns, key=("slide_id",))
