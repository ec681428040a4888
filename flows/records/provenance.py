"""Provenance of a slide's files: the inputs and settings they were made from, kept in the files themselves.

    coverage/SLIDE.parquet    format, settings, slide, overlays; and the report on the slide
    tiles/SLIDE.parquet       the same with `keep` among the settings, without the report

Both carry a checksum of them. A record that is not whole in every part is none: its slide is measured again. A file
whose provenance equals that of the file a run would write is kept (docs/decisions/0009-incremental.md).
"""

import hashlib
import json
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Self

import pyarrow as pa
import pyarrow.parquet as pq
import shapely
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from flows.config.model import CoverageConfig
from flows.records.fingerprints import Json
from flows.records.slides import Slide
from flows.storage.filesystem import Storage
from flows.storage.workspace import checked_id
from ratiopath.errors import TruncatedError
from ratiopath.roi import Roi
from schemas.coverage import tiles
from schemas.slides import MANIFEST_TYPES, SLIDES
from schemas.table import TableSchema

PROVENANCE_KEY = b"ratiopath.made_from"
"""Metadata key of a slide's files: JSON of a `Provenance`."""
REPORT_KEY = b"ratiopath.report"
"""Metadata key of a file in coverage/: JSON of the report on the slide."""
CHECKSUM_KEY = b"ratiopath.checksum"
"""Metadata key of a slide's files: SHA-256 of the provenance and the report, in hexadecimal digits."""
FORMAT = 5
"""Version of the files' content; to be raised when the same inputs give other bytes."""
FIRST_WITH_CHECKSUM = 3
"""First version whose files carry the checksum."""
MAX_ROI_TEXT = 200
"""Maximum length of a ROI's text in the settings, in characters; of a longer one they hold the SHA-256."""
MAX_REMARK = 20_000
"""Characters of a remark in a report; paths are in it."""
EMPTY = "empty.parquet"
"""File that carries the schema of a folder without slides."""


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
    """Fingerprint of each overlay, with the resolution that the manifest gives; None where the slide has none."""
    cells: Mapping[str, str | int | float | bool | None] = field(default_factory=dict)
    """Cell of each column of the manifest that goes through; in tiles/ only."""
    format: int = FORMAT
    """Version of the file's content."""

    def is_current(self, config: CoverageConfig) -> bool:
        """Return True if a run with this configuration uses this format and these settings; inputs may differ."""
        settings = tiles_settings(config) if "keep" in self.settings else coverage_settings(config)
        return self.format == FORMAT and self.settings == settings

    def describes(self, source: Json, slide_id: str, tiling: Json) -> bool:
        """Return True if `slide` was read in this format and tiling from the slide with this fingerprint and id."""
        is_same = self.source == source and self.slide.slide_id == slide_id
        return self.format == FORMAT and is_same and self.settings.get("tiling") == tiling

    @property
    def overlay_paths(self) -> dict[str, str | None]:
        """Path of each overlay; None where the slide has none."""
        return {name: None if found is None else found["path"] for name, found in self.overlays.items()}

    @property
    def overlay_mpps(self) -> dict[str, float]:
        """Resolution of each overlay for which the manifest gives one, µm/px."""
        return {name: found["mpp"] for name, found in self.overlays.items() if found and "mpp" in found}

    @property
    def digest(self) -> str:
        """SHA-256 of the JSON, in hexadecimal digits."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def to_json(self) -> str:
        """Write as JSON; equal provenances give equal text."""
        slide = {"identity": self.source, "described": self.slide.to_row()}
        content = {"format": self.format, "configuration": self.settings, "slide": slide, "overlays": self.overlays}
        content |= {"cells": dict(self.cells)} if self.cells else {}
        return json.dumps(content, sort_keys=True)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read from JSON.

        Raises:
            ValueError: The text is no JSON, or a part is missing, of another type or out of its range.
        """
        try:
            content = json.loads(text)
            slide = content["slide"]
            described = _read_slide(slide["described"])
            cells, version = content.get("cells", {}), content["format"]
            found = cls(content["configuration"], slide["identity"], described, content["overlays"], cells, version)
            are_paths = all(type(path) in {str, type(None)} for path in found.overlay_paths.values())
            are_mpps = all(type(mpp) is float and 0 < mpp < math.inf for mpp in found.overlay_mpps.values())
            are_cells = all(type(cell) in {str, int, float, bool, type(None)} for cell in found.cells.values())
            is_typed = (
                are_cells and type(found.format) is int and type(found.settings) is dict and are_paths and are_mpps
            )
            is_whole = is_typed and found.source["path"] == described.path
        except (KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(f"no provenance: {type(error).__name__}: {error}") from error
        if not is_whole:
            raise ValueError("no provenance: a part is of another type or slide")
        return found


_OF_JSON = {pa.string(): str, pa.int64(): int, pa.float64(): float}
_TYPES = {column.name: _OF_JSON[column.type] for column in SLIDES.arrow}
"""Python type that JSON has for each column of `schemas.slides`."""
_RESOLUTIONS = (("mpp_x", "mpp_y"), ("level0_mpp_x", "level0_mpp_y"))
"""Columns that are null together, where a resolution is unknown."""
_LARGEST = (1 << 63) - 1
"""Largest number of an int64."""


def _read_slide(row: Json) -> Slide:
    """Read the metadata of a slide, each of its exact type and in its range."""
    unknown = {name for x, y in _RESOLUTIONS if row[x] is row[y] is None for name in (x, y)}
    for name, kind in _TYPES.items():
        if name in unknown:
            continue
        value = row[name]
        if type(value) is not kind or (type(value) is int and not -_LARGEST <= value <= _LARGEST):
            raise ValueError(f"no provenance: {name} is {value!r:.99}")
        if type(value) is str:
            value.encode()  # raises if it is not UTF-8
    slide = Slide.from_row(row)
    checked_id(slide.slide_id)
    if slide.level < 0 or not 1 <= slide.downsample < math.inf:
        raise ValueError("no provenance: level or downsample is out of range")
    return slide


def manifest_schema(config: CoverageConfig) -> tuple[tuple[str, pa.DataType], ...]:
    """Return the name and type of each column of the manifest that goes through."""
    return tuple((name, MANIFEST_TYPES[kind]) for name, kind in config.column_kinds.items())


def tiles_schema(config: CoverageConfig) -> TableSchema:
    """Return the schema of tiles/."""
    return tiles(config.overlay_columns, manifest_schema(config))


def coverage_settings(config: CoverageConfig) -> Json:
    """Return the part of the configuration that decides the content of coverage/, without the paths of files.

    Settings that can be written in two ways have one form here. Overlays and classes are lists: their order is that
    of the columns.
    """
    return {
        "tiling": config.tiling.in_full,
        "roi": _roi_text(config.region()),
        "overlays": [
            {
                "name": name,
                "missing": overlay.missing,
                **overlay.image_options,
                "classes": [[column, values] for column, values in overlay.model_dump(mode="json")["classes"].items()],
                **overlay.measuring_options,
                **overlay.annotation_options,
                **overlay.statistics_options,
                **overlay.detector,
                **_own_roi(name, config),
            }
            for name, overlay in config.overlays.items()
        ],
    }


def _own_roi(name: str, config: CoverageConfig) -> Json:
    """Return the ROI of an overlay if it differs from that of the run."""
    roi = _roi_text(config.region(name))
    return {} if roi == _roi_text(config.region()) else {"roi": roi}


def _roi_text(roi: Roi) -> str:
    """Return the normalised ROI as WKT, or its SHA-256 if that is long; run.json has the text."""
    text: str = shapely.to_wkt(shapely.normalize(roi.polygon), rounding_precision=-1)
    return text if len(text) <= MAX_ROI_TEXT else f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def tiles_settings(config: CoverageConfig) -> Json:
    """Return the part of the configuration that decides the content of tiles/."""
    columns = {"columns": [list(pair) for pair in config.column_kinds.items()]} if config.columns else {}
    return {**coverage_settings(config), "keep": config.keep, **columns}


@dataclass(frozen=True, slots=True)
class Metadata:
    """Content of the footer of a slide's file, besides its schema."""

    provenance: Provenance | None = None
    """None if the file is absent, damaged or not ours."""
    report: Json | None = None
    """Report on the slide; None in tiles/."""

    def is_whole(self, classes: Collection[str]) -> bool:
        """Return True if the metadata are those of a file in coverage/ with a report on these classes."""
        return (
            self.provenance is not None
            and self.report is not None
            and self.report["means"].keys() == self.report["mm2"].keys() == set(classes)
        )


def with_metadata(schema: pa.Schema, provenance: Provenance | None, report: Json | None = None) -> pa.Schema:
    """Return a schema whose metadata hold a provenance, a report, or both."""
    metadata = {} if provenance is None else {PROVENANCE_KEY: provenance.to_json().encode()}
    if report is not None:
        metadata[REPORT_KEY] = json.dumps(report, sort_keys=True).encode()
    return schema.with_metadata({**metadata, CHECKSUM_KEY: _checksum(metadata)})


def _checksum(metadata: Mapping[bytes, bytes]) -> bytes:
    parts = (metadata.get(PROVENANCE_KEY, b""), metadata.get(REPORT_KEY, b""))
    return hashlib.sha256(b"\0".join(parts)).hexdigest().encode()


def with_settings(schema: pa.Schema, settings: Json) -> pa.Schema:
    """Return a schema whose metadata hold the settings of a folder without slides."""
    return schema.with_metadata({PROVENANCE_KEY: json.dumps({"configuration": settings}, sort_keys=True)})


def read_metadata(path: str, storage: Storage) -> Metadata:
    """Read the metadata of a slide's file; what is absent, unreadable, incomplete or a link is None."""
    if storage.is_local and not storage.is_file(path):
        return Metadata()
    try:
        return metadata_of(pq.read_metadata(path, filesystem=storage.files))
    except (pa.ArrowException, OSError):
        return Metadata()


def metadata_of(footer: pq.FileMetaData) -> Metadata:
    """Return the metadata in the footer of a slide's file; what is incomplete is None."""
    try:
        found, copy = footer.metadata or {}, footer.schema.to_arrow_schema().metadata or {}  # Arrow writes them twice
        provenance = Provenance.from_json(found[PROVENANCE_KEY]) if PROVENANCE_KEY in found else None
        report = _parse_report(found[REPORT_KEY]) if REPORT_KEY in found else None
    except (pa.ArrowException, ValueError):
        return Metadata()
    is_signed = provenance is not None and provenance.format >= FIRST_WITH_CHECKSUM
    if is_signed and not found.get(CHECKSUM_KEY) == _checksum(found) == _checksum(copy):
        return Metadata()
    return Metadata(provenance, report)


def read_coverage_metadata(path: str, storage: Storage, classes: Collection[str]) -> tuple[Provenance, Json]:
    """Read the provenance and the report of a file in coverage/.

    Raises:
        TruncatedError: The file has lost them.
    """
    return require_whole(read_metadata(path, storage), path, classes)


def require_whole(metadata: Metadata, path: str, classes: Collection[str]) -> tuple[Provenance, Json]:
    """Return the provenance and the report of a file in coverage/; see `read_coverage_metadata`."""
    if metadata.provenance is None or metadata.report is None or not metadata.is_whole(classes):
        raise TruncatedError(f"{path!r} has lost its provenance or report", path=path, hint="remove it and run again")
    return metadata.provenance, metadata.report


def read_partial_report(part: str, storage: Storage) -> Json:
    """Read the report of one unit of a slide, which this run wrote."""
    report: Json = json.loads(pq.read_schema(part, filesystem=storage.files).metadata[REPORT_KEY])
    return report


def _printable(text: str) -> str:
    """Refuse a remark that would control a terminal."""
    if not text.isprintable():
        raise ValueError("not printable")
    return text


_Remark = Annotated[str, Field(max_length=MAX_REMARK), AfterValidator(_printable)]


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, allow_inf_nan=False)


class _Values(_Part):
    """Values of an overlay in a report."""

    count: int
    commonest: list[str]


_Pair = Annotated[list[float], Field(min_length=2, max_length=2)]


class _Alignment(_Part):
    """Alignment of an image in a report."""

    case: _Remark
    scale: _Pair | None
    downsample: _Pair
    drift: _Pair | None


class _Report(_Part):
    """Parts of a report that a table has to hold."""

    means: dict[str, Annotated[float, Field(ge=0, le=1)] | None]
    mm2: dict[str, Annotated[float, Field(ge=0)] | None]
    values: dict[str, _Values]
    suspicions: list[_Remark]
    notes: list[_Remark] = []
    alignments: dict[str, _Alignment] = {}


def _parse_report(text: bytes) -> Json:
    """Read a report whose numbers and remarks a table can hold.

    Raises:
        ValueError: A part is missing, of another type or out of its range.
    """
    _Report.model_validate_json(text)
    report: Json = json.loads(text)
    return report
