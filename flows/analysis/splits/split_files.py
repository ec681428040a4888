"""Files of a split in their folder."""

import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from flows.config.errors import ConfigurationError
from flows.storage.filesystem import output_errors
from flows.storage.parquet import write_table
from flows.storage.workspace import Workspace

METADATA = b"ratiopath.split"
"""Key of the options in the metadata of splits.parquet, as JSON."""


def write_split(
    table: pa.Table, texts: Mapping[str, str], options: Mapping[str, Any], workspace: Workspace, folder: str
) -> list[str]:
    """Write splits.parquet and the files of CLAM, each whole or absent, over those of an earlier split.

    Args:
        table: Table of `schemas.splits`.
        texts: Text of each further file by name.
        options: Options of the split, kept in the metadata of splits.parquet.
        workspace: Output, or another place to write to.
        folder: Folder in it; empty for the place itself.

    Returns:
        Paths of the files, that of splits.parquet first.

    Raises:
        ConfigurationError: The folder holds files of a split with more folds.
    """
    where = workspace.published(folder).rstrip("/")
    others = sorted({name for name in workspace.names(where) if name.startswith("splits_")} - texts.keys())
    if others:
        raise ConfigurationError(
            f"--to: {where!r} holds {others[0]} of another split; remove it, or give another folder"
        )
    path, paths = workspace.published(folder, "splits.parquet"), []
    with workspace.own_files():
        for name, text in texts.items():
            paths.append(workspace.published(folder, name))
            with output_errors(paths[-1]), workspace.atomic_write(paths[-1]) as file:
                file.write(text.encode())
        write_table(table.replace_schema_metadata({METADATA: json.dumps(options)}), path, workspace)
    return [path, *paths]
