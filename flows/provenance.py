"""What a table was made from: kept in each slide's files themselves, and for the whole run in run.json.

    coverage/SLIDE.parquet    version of this format, configuration, slide, overlays
    tiles/SLIDE.parquet       the same, and `keep`

A file whose record equals what a run would make it from is what that run would make.
"""

import hashlib
import json
import os
import platform
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from flows.config import CoverageConfig

KEY = b"ratiopath.made_from"
"""Metadata of a slide's files: a JSON record."""
FORMAT = 1
"""Counted up when the same inputs give another table than before."""
PACKAGES = ("ratiopath-flows", "prefect", "ray", "pandera", "pyarrow", "numpy", "tifffile", "imagecodecs", "shapely")
"""Whose versions run.json tells."""
Record = dict[str, Any]
_BLOCK = 1 << 20


def identity(path: str, *, by_content: bool) -> Record:
    """What tells a file from one that was put in its place: size and time of change, or size and SHA-256.

    The data folder of a `.mrxs` is part of it.

    Raises:
        OSError: There is no such file, or it cannot be read.
    """
    digest, size, changed = hashlib.sha256(), 0, 0
    for part in _parts(path):
        state = os.stat(part)
        size, changed = size + state.st_size, max(changed, state.st_mtime_ns)
        if by_content:
            with open(part, "rb") as file:
                while block := file.read(_BLOCK):
                    digest.update(block)
    return {"path": path, "size": size, **({"sha256": digest.hexdigest()} if by_content else {"mtime_ns": changed})}


def _parts(path: str) -> Iterator[str]:
    yield path
    stem, suffix = os.path.splitext(path)
    if suffix.lower() == ".mrxs" and os.path.isdir(stem):
        for name in sorted(os.listdir(stem)):
            yield os.path.join(stem, name)


def coverage_record(config: CoverageConfig, slide: Record, overlays: Mapping[str, Record | None]) -> Record:
    """Of a file in coverage/.

    Args:
        config: Of the run.
        slide: What the slide is, and what was read of it.
        overlays: What the overlays are, None where the slide has none.
    """
    return {"format": FORMAT, "configuration": coverage_configuration(config), "slide": slide, "overlays": overlays}


def coverage_configuration(config: CoverageConfig) -> Record:
    """The part of the configuration that decides what is in coverage/, but for the files it names."""
    overlays = {name: overlay.model_dump(mode="json", exclude={"path"}) for name, overlay in config.overlays.items()}
    return {**config.model_dump(mode="json", include={"tiling", "roi"}), "overlays": overlays}


def tiles_record(coverage: Record, config: CoverageConfig) -> Record:
    """Of a file in tiles/, from the record of the file in coverage/."""
    return {**coverage, "configuration": tiles_configuration(config)}


def tiles_configuration(config: CoverageConfig) -> Record:
    """The part of the configuration that decides what is in tiles/."""
    return {**coverage_configuration(config), "keep": config.keep}


def recorded(schema: pa.Schema, record: Record) -> pa.Schema:
    """A schema that carries a record."""
    return schema.with_metadata({KEY: json.dumps(record, sort_keys=True)})


def record_of(path: str) -> Record | None:
    """The record that a file carries; None where there is no such file, or it is somebody else's."""
    try:
        found = (pq.read_schema(path).metadata or {}).get(KEY)
    except (pa.ArrowInvalid, OSError):
        return None
    record: Record | None = None if found is None else json.loads(found)
    return record


def versions() -> dict[str, str]:
    """Of Python and what the numbers depend on."""
    return {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}
