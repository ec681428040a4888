"""Table of the slides that were found, with the cells of their manifest, before any is opened."""

import json
from collections.abc import Iterable, Sequence

import pyarrow as pa

from flows.config.model import CoverageConfig
from flows.config.slide_id import slide_id_of
from flows.inputs.manifest import SlideSource
from ratiopath.errors import ParameterError
from ratiopath.remote.names import without_options
from ratiopath.remote.uri import check_uri, is_uri


def source_table(found: Sequence[SlideSource], config: CoverageConfig) -> pa.Table:
    """Return a row per slide: path, slide_mpp, slide_id, cells, and for overlays the paths and mpp of its manifest.

    Args:
        found: Slides whose path is usable, see `usable`.
        config: Configuration that names the columns of the manifest.
    """
    overlays, resolutions = tuple(config.manifest_columns), tuple(config.mpp_columns)
    return pa.table(
        {
            "path": pa.array([source.path for source in found], pa.string()),
            "slide_mpp": pa.array([source.mpp for source in found], pa.float64()),
            "slide_id": pa.array(
                [source.slide_id or slide_id_of(source.path, config) for source in found], pa.string()
            ),
            "cells": pa.array(
                [json.dumps(dict(zip(config.column_kinds, source.cells, strict=True))) for source in found]
            ),
            **{
                f"{name}_source": pa.array([source.sources[number] for source in found], pa.string())
                for number, name in enumerate(overlays)
            },
            **{
                f"{name}_given": pa.array([source.overlay_mpps[number] for source in found], pa.float64())
                for number, name in enumerate(resolutions)
            },
        }
    )


def usable(sources: Iterable[SlideSource]) -> tuple[list[SlideSource], list[dict[str, str]]]:
    """Set slides aside whose path no table can hold, or no client can name.

    Returns:
        The others; and a failure for each of these: path, error and message.
    """
    found, failures = list[SlideSource](), list[dict[str, str]]()
    for source in sources:
        failure = _failure(source.path)
        if failure is None:
            found.append(source)
        else:
            failures.append(failure)
    return found, failures


def _failure(path: str) -> dict[str, str] | None:
    try:
        path.encode()
        if is_uri(path):
            check_uri(path)
    except UnicodeEncodeError as error:
        shown = path.encode(errors="backslashreplace").decode()
        message = f"the name {shown!r} is not UTF-8; hint: rename the file"
        return {"path": shown, "error": type(error).__name__, "message": message}
    except ParameterError as error:  # such as a key with // in it
        shown = without_options(path)
        return {"path": shown, "error": type(error).__name__, "message": f"{error}; or rename the file"}
    return None
