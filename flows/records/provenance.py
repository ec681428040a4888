"""What a table was made from: kept in each slide's files themselves, and for the whole run in run.json.

    coverage/SLIDE.parquet    version of this format, configuration, slide, overlays
    tiles/SLIDE.parquet       the same, and `keep`

A file whose record equals what a run would make it from is what that run would make. A file of coverage carries the
report on its slide too, so that nobody has to read it again for that.
"""

import hashlib
import json
import os
import platform
import posixpath
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import shapely
from pyarrow.fs import FileSystem

from flows.config.model import CoverageConfig, Overlay
from flows.storage.filesystem import Storage
from ratiopath.errors import TruncatedError

KEY = b"ratiopath.made_from"
"""Metadata of a slide's files: a JSON record."""
REPORT_KEY = b"ratiopath.report"
"""Metadata of a slide's coverage: the report on it, a JSON record."""
FORMAT = 2
"""Counted up when the same inputs give another file than before."""
EMPTY = "empty.parquet"
"""Carries the schema of a folder without slides."""
PACKAGES = ("ratiopath-flows", "prefect", "ray", "pandera", "pyarrow", "numpy", "tifffile", "imagecodecs", "shapely")
"""Whose versions run.json tells."""
Record = dict[str, Any]


def fingerprint(path: str, *, by_content: bool) -> Record:
    """What tells a file from one that was put in its place: size and time of change, or size and SHA-256.

    The data folder of a `.mrxs` is part of it.

    Raises:
        OSError: There is no such file, or it cannot be read.
    """
    own = _state(path, by_content=by_content)
    stem, suffix = os.path.splitext(path)
    if suffix.lower() != ".mrxs" or not os.path.isdir(stem):
        return {"path": path, **own}
    parts = [os.path.join(folder, name) for folder, _, names in os.walk(stem) for name in names]
    listing = [[os.path.relpath(part, stem), _state(part, by_content=by_content)] for part in sorted(parts)]
    return {"path": path, **own, "data": hashlib.sha256(json.dumps(listing).encode()).hexdigest()}


def _state(path: str, *, by_content: bool) -> Record:
    state = os.stat(path)
    if not by_content:
        return {"size": state.st_size, "mtime_ns": state.st_mtime_ns}
    with open(path, "rb") as file:
        return {"size": state.st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def coverage_record(config: CoverageConfig, slide: Record, overlays: Mapping[str, Record | None]) -> Record:
    """Of a file in coverage/.

    Args:
        config: Of the run.
        slide: What the slide is, and what was read of it.
        overlays: What the overlays are, None where the slide has none.
    """
    return {"format": FORMAT, "configuration": coverage_configuration(config), "slide": slide, "overlays": overlays}


def coverage_configuration(config: CoverageConfig) -> Record:
    """The part of the configuration that decides what is in coverage/, but for the files it names.

    One setting that can be written in two ways stands here in one; overlays and classes are lists, since their order
    is that of the columns.
    """
    return {
        "tiling": config.tiling.in_full,
        "roi": shapely.to_wkt(shapely.normalize(config.region.polygon), rounding_precision=-1),
        "overlays": [
            {"name": name, **overlay.model_dump(mode="json", include={"missing", "mpp"}), "classes": _classes(overlay)}
            for name, overlay in config.overlays.items()
        ],
    }


def _classes(overlay: Overlay) -> list[Any]:
    return [[name, list(values)] for name, values in overlay.classes.items()]


def tiles_record(coverage: Record, config: CoverageConfig) -> Record:
    """Of a file in tiles/, from the record of the file in coverage/."""
    return {**coverage, "configuration": tiles_configuration(config)}


def tiles_configuration(config: CoverageConfig) -> Record:
    """The part of the configuration that decides what is in tiles/."""
    return {**coverage_configuration(config), "keep": config.keep}


@dataclass(frozen=True, slots=True)
class Carried:
    """What a file of a slide carries."""

    record: Record
    """What it was made from."""
    report: Record | None
    """The report on the slide; None in tiles/."""


def with_metadata(schema: pa.Schema, record: Record, report: Record | None = None) -> pa.Schema:
    """A schema that carries a record, and perhaps a report."""
    carried = {KEY: record} if report is None else {KEY: record, REPORT_KEY: report}
    return schema.with_metadata({key: json.dumps(value, sort_keys=True) for key, value in carried.items()})


def read_metadata(path: str, files: FileSystem) -> Carried | None:
    """What a file carries; None where there is no such file, or it is somebody else's."""
    try:
        found = pq.read_schema(path, filesystem=files).metadata or {}
    except (pa.ArrowInvalid, OSError):
        return None
    if KEY not in found:
        return None
    return Carried(json.loads(found[KEY]), json.loads(found[REPORT_KEY]) if REPORT_KEY in found else None)


def carried_by_coverage(path: str, files: FileSystem) -> tuple[Record, Record]:
    """The record of a file of coverage, and the report on its slide.

    Raises:
        TruncatedError: It does not.
    """
    carried = read_metadata(path, files)
    if carried is None or carried.report is None:
        rule, remedy = "a table of coverage carries its record and a report", "remove it and run again"
        raise TruncatedError(rule, path=path, found="none", remedy=remedy)
    return carried.record, carried.report


def record_of(path: str, files: FileSystem) -> Record | None:
    """The record that a file carries; None where there is no such file, or it is somebody else's."""
    carried = read_metadata(path, files)
    return None if carried is None else carried.record


def digest_of(record: Record) -> str:
    """SHA-256 of a record."""
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def records_in(folder: str, storage: Storage, but: Collection[str]) -> Iterator[tuple[str, Record]]:
    """The files of slides in a folder, with the record that each carries; what is somebody else's is left out.

    Args:
        folder: It need not exist.
        storage: Where it is.
        but: Files that are known already and not opened.
    """
    for name in storage.names(folder):
        path = posixpath.join(folder, name)
        if name.endswith(".parquet") and name != EMPTY and path not in but:
            record = record_of(path, storage.files)
            if record is not None:
                yield path, record


def versions() -> dict[str, str]:
    """Of Python and what the numbers depend on."""
    return {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}
