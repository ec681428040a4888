"""Files of a split in their folder."""

import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from flows.config.errors import ConfigurationError
from flows.storage.filesystem import output_errors
from flows.storage.parquet import write_table
from flows.storage.workspace import Workspace

METADATA = b"ratiopath.split"
"""Key of the options in the metadata of splits.parquet, as JSON."""


def write_split(
    table: pa.Table, texts: Mapping[str, str], options: Mapping[str, Any], workspace: Workspace, folder: str
) -> list[str]:
    """Write splits.parquet and the files of CLAM, each whole or absent, in the place of those of an earlier split.

    Files of an earlier split under names that this one does not use are removed: a program that reads them would mix
    two splits. The metadata of its splits.parquet tell which they are.

    Args:
        table: Table of `schemas.splits`.
        texts: Text of each further file by name.
        options: Options of the split, kept in the metadata of splits.parquet.
        workspace: Output, or another place to write to.
        folder: Folder in it; empty for the place itself.

    Returns:
        Paths of the files, that of splits.parquet first.

    Raises:
        ConfigurationError: The folder holds splits of others.
    """
    where = workspace.published(folder).rstrip("/")
    path, paths = workspace.published(folder, "splits.parquet"), []
    unused = set(workspace.names(where)) - texts.keys()
    stale = unused & _earlier_files(path, workspace)
    others = sorted(name for name in unused - stale if name.startswith("splits_"))
    if others:
        raise ConfigurationError(
            f"--to: {where!r} holds {others[0]} of another split; remove it, or give another folder"
        )
    with workspace.own_files():
        for name, text in texts.items():
            paths.append(workspace.published(folder, name))
            with output_errors(paths[-1]), workspace.atomic_write(paths[-1]) as file:
                file.write(text.encode())
        for name in stale:
            workspace.remove(workspace.published(folder, name))
        write_table(table.replace_schema_metadata({METADATA: json.dumps(options)}), path, workspace)
    return [path, *paths]


def _earlier_files(path: str, workspace: Workspace) -> set[str]:
    """Return the names of CLAM's files that the split in a splits.parquet wrote beside it; none of another file."""
    if not workspace.is_file(path):
        return set()
    try:
        schema = pq.read_schema(path, filesystem=workspace.files)
        options = json.loads((schema.metadata or {})[METADATA])
        number = len(options["parts"]) if "fold" in schema.names else 1
        labelled = options["label"] is not None
    except (pa.ArrowInvalid, ValueError, KeyError, TypeError):
        return set()
    return {f"splits_{one}.csv" for one in range(number)} | ({"slides.csv"} if labelled else set())
