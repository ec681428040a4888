"""Provenance of a slide's files: the inputs and settings they were made from, kept in the files themselves.

    coverage/SLIDE.parquet    format, settings, slide, overlays; and the report on the slide
    tiles/SLIDE.parquet       the same with `keep` among the settings, without the report

A file whose provenance equals that of the file a run would write is kept (docs/decisions/0009-incremental.md).
"""

import hashlib
import json
import os
import platform
import posixpath
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq
import shapely
from pyarrow.fs import FileSystem

from flows.config.model import CoverageConfig
from flows.records.slides import Slide
from flows.storage.filesystem import Storage
from ratiopath.errors import TruncatedError

PROVENANCE_KEY = b"ratiopath.made_from"
"""Metadata key of a slide's files: JSON of a `Provenance`."""
REPORT_KEY = b"ratiopath.report"
"""Metadata key of a file in coverage/: JSON of the report on the slide."""
FORMAT = 3
"""Version of the files' content; to be raised when the same inputs give other bytes."""
EMPTY = "empty.parquet"
"""File that carries the schema of a folder without slides."""
PACKAGES = ("ratiopath-flows", "prefect", "ray", "pandera", "pyarrow", "numpy", "tifffile", "imagecodecs", "shapely")
"""Packages whose versions are written to run.json."""
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Provenance:
    """Inputs and settings that one file of a slide was made from."""

    settings: Json
    """Part of the configuration that decides the file's content; has `keep` in tiles/ only."""
    source: Json
    """Fingerprint of the slide and the resolution given for it."""
    slide: Slide
    """Metadata read from the slide."""
    overlays: Mapping[str, Json | None]
    """Fingerprint of each overlay; None where the slide has none."""
    format: int = FORMAT
    """Version of the file's content."""

    def is_current(self, config: CoverageConfig) -> bool:
        """Return True if a run with this configuration uses this format and these settings; inputs may differ."""
        settings = tiles_settings(config) if "keep" in self.settings else coverage_settings(config)
        return self.format == FORMAT and self.settings == settings

    def describes(self, source: Json) -> bool:
        """Return True if `slide` was read in this format from the slide with this fingerprint."""
        return self.format == FORMAT and self.source == source

    def with_keep(self, config: CoverageConfig) -> Self:
        """Return the provenance of the slide's file in tiles/."""
        return replace(self, settings=tiles_settings(config))

    @property
    def overlay_paths(self) -> dict[str, str | None]:
        """Path of each overlay; None where the slide has none."""
        return {name: None if found is None else found["path"] for name, found in self.overlays.items()}

    @property
    def digest(self) -> str:
        """SHA-256 of the JSON, in hexadecimal digits."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def to_json(self) -> str:
        """Write as JSON; equal provenances give equal text."""
        slide = {"identity": self.source, "described": self.slide.to_row()}
        content = {
            "format": self.format,
            "configuration": self.settings,
            "slide": slide,
            "overlays": dict(self.overlays),
        }
        return json.dumps(content, sort_keys=True)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read from JSON.

        Raises:
            ValueError: The text is no JSON or lacks a part.
        """
        try:
            content = json.loads(text)
            slide = content["slide"]
            described = Slide.from_row(slide["described"])
            return cls(content["configuration"], slide["identity"], described, content["overlays"], content["format"])
        except (KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(f"no provenance: {type(error).__name__}: {error}") from error


def coverage_settings(config: CoverageConfig) -> Json:
    """Return the part of the configuration that decides the content of coverage/, without the paths of files.

    Settings that can be written in two ways have one form here. Overlays and classes are lists: their order is that
    of the columns.
    """
    return {
        "tiling": config.tiling.in_full,
        "roi": shapely.to_wkt(shapely.normalize(config.region.polygon), rounding_precision=-1),
        "overlays": [
            {
                "name": name,
                **overlay.model_dump(mode="json", include={"missing", "mpp"}),
                "classes": [[column, list(values)] for column, values in overlay.classes.items()],
            }
            for name, overlay in config.overlays.items()
        ],
    }


def tiles_settings(config: CoverageConfig) -> Json:
    """Return the part of the configuration that decides the content of tiles/."""
    return {**coverage_settings(config), "keep": config.keep}


def fingerprint(path: str, *, by_content: bool) -> Json:
    """Fingerprint a file by size and mtime, or by size and SHA-256; of a `.mrxs` also its data folder.

    Raises:
        OSError: The file does not exist or cannot be read.
    """
    own = _state(path, by_content=by_content)
    stem, suffix = os.path.splitext(path)
    if suffix.lower() != ".mrxs" or not os.path.isdir(stem):
        return {"path": path, **own}
    parts = [os.path.join(folder, name) for folder, _, names in os.walk(stem) for name in names]
    listing = [[os.path.relpath(part, stem), _state(part, by_content=by_content)] for part in sorted(parts)]
    return {"path": path, **own, "data": hashlib.sha256(json.dumps(listing).encode()).hexdigest()}


def _state(path: str, *, by_content: bool) -> Json:
    state = os.stat(path)
    if not by_content:
        return {"size": state.st_size, "mtime_ns": state.st_mtime_ns}
    with open(path, "rb") as file:
        return {"size": state.st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


@dataclass(frozen=True, slots=True)
class Metadata:
    """Content of the footer of a slide's file, besides its schema."""

    provenance: Provenance | None = None
    """None if the file is absent, damaged or not ours."""
    report: Json | None = None
    """Report on the slide; None in tiles/."""


def with_metadata(schema: pa.Schema, provenance: Provenance | None, report: Json | None = None) -> pa.Schema:
    """Return a schema whose metadata hold a provenance, a report, or both."""
    metadata = {} if provenance is None else {PROVENANCE_KEY: provenance.to_json()}
    if report is not None:
        metadata[REPORT_KEY] = json.dumps(report, sort_keys=True)
    return schema.with_metadata(metadata)


def with_settings(schema: pa.Schema, settings: Json) -> pa.Schema:
    """Return a schema whose metadata hold the settings of a folder without slides."""
    return schema.with_metadata({PROVENANCE_KEY: json.dumps({"configuration": settings}, sort_keys=True)})


def read_metadata(path: str, files: FileSystem) -> Metadata:
    """Read the metadata of a slide's file; what is absent or unreadable is None."""
    try:
        found = pq.read_schema(path, filesystem=files).metadata or {}
        report = json.loads(found[REPORT_KEY]) if REPORT_KEY in found else None
        return Metadata(Provenance.from_json(found[PROVENANCE_KEY]) if PROVENANCE_KEY in found else None, report)
    except (pa.ArrowInvalid, OSError, ValueError):
        return Metadata()


def read_coverage_metadata(path: str, files: FileSystem) -> tuple[Provenance, Json]:
    """Read the provenance and the report of a file in coverage/.

    Raises:
        TruncatedError: The file has lost them.
    """
    metadata = read_metadata(path, files)
    if metadata.provenance is None or metadata.report is None:
        raise TruncatedError(f"{path!r} has lost its provenance or report", path=path, hint="remove it and run again")
    return metadata.provenance, metadata.report


def read_folder(folder: str, storage: Storage, skip: Collection[str]) -> Iterator[tuple[str, Provenance]]:
    """Read the provenance of each slide's file in a folder; files that are not ours are left out.

    Args:
        folder: Path in the storage; may be absent.
        storage: File system of the output.
        skip: Paths of files that are not opened.
    """
    for name in storage.names(folder):
        path = posixpath.join(folder, name)
        if name.endswith(".parquet") and name != EMPTY and path not in skip:
            provenance = read_metadata(path, storage.files).provenance
            if provenance is not None:
                yield path, provenance


def package_versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that the results depend on."""
    return {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}


def dump_json(content: Json) -> str:
    """Write a fingerprint as text for a column."""
    return json.dumps(content)


def load_json(text: str) -> Json:
    """Read a fingerprint from a column."""
    content: Json = json.loads(text)
    return content
