"""Lists of slides as CSV, which tell a program the slides to read."""

import csv
import io
import os
import posixpath
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from flows.storage.filesystem import Storage
from ratiopath.remote.uri import is_uri

MAX_LIST = 1 << 28
"""Bytes of a list that is read back."""


def write_list(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Write a list; one without slides has its header."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def read_list(folder: str, name: str) -> list[dict[str, str]]:
    """Read a list of an export, which may lie in a store; an absent one has no rows."""
    storage = Storage.at(folder)
    content = storage.read_head(posixpath.join(storage.root, name), MAX_LIST)
    return list(csv.DictReader(io.StringIO(content.decode("utf-8"), newline="")))


def common_folder(paths: Sequence[str]) -> str:
    """Return the deepest folder that all of these absolute paths lie in; URIs do not count."""
    folders = [os.path.dirname(path) for path in paths if not is_uri(path)]
    return os.path.commonpath(folders) if folders else ""
