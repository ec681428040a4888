"""What a table was made from: kept in each file's metadata, and for the whole run in run.json."""

import hashlib
import json
import platform
from importlib.metadata import version

import pyarrow as pa
import pyarrow.parquet as pq

from flows.config import CoverageConfig

KEY = b"ratiopath.configuration"
"""Metadata of a slide's files: a hash of the part of the configuration that decides what is in them."""
PACKAGES = ("ratiopath-flows", "prefect", "ray", "pandera", "pyarrow", "numpy", "tifffile", "imagecodecs", "shapely")
"""Whose versions run.json tells."""


def coverage_metadata(config: CoverageConfig) -> dict[bytes, bytes]:
    """Of the files in coverage/."""
    return _metadata(config, {"tiling", "slide_mpp", "roi", "overlays"})


def tiles_metadata(config: CoverageConfig) -> dict[bytes, bytes]:
    """Of the files in tiles/: `keep` decides about them too."""
    return _metadata(config, {"tiling", "slide_mpp", "roi", "overlays", "keep"})


def made_with(path: str) -> bytes | None:
    """The hash that a file carries; None for a file of somebody else."""
    try:
        found: bytes | None = (pq.read_schema(path).metadata or {}).get(KEY)
    except (pa.ArrowInvalid, OSError):
        return None
    return found


def versions() -> dict[str, str]:
    """Of Python and what the numbers depend on."""
    return {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}


def _metadata(config: CoverageConfig, fields: set[str]) -> dict[bytes, bytes]:
    content = json.dumps(config.model_dump(mode="json", include=fields), sort_keys=True)
    return {KEY: hashlib.sha256(content.encode()).hexdigest().encode()}
