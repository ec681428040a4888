"""Picture files in previews/: their paths, the source recorded in each, and the removal of outdated ones."""

from collections.abc import Collection
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc
from PIL import Image

from flows.storage.filesystem import Storage
from flows.storage.workspace import Workspace

FOLDER: Literal["previews"] = "previews"
"""Folder of the pictures in the output."""
KEY = "ratiopath.made_from"
"""Key of the PNG text that records the source of a picture."""
HEAD = 1024
"""Number of leading bytes that contain the key."""


def slides_with_picture(pictures: pa.Table) -> set[str]:
    """Return the ids of the slides that have a picture.

    Args:
        pictures: A table of `schemas.intermediate.PICTURES`.
    """
    return set(pictures.filter(pc.is_null(pictures["trouble"]))["slide_id"].to_pylist())


def remove_previews(workspace: Workspace, but: Collection[str] = ()) -> int:
    """Remove the pictures that earlier runs drew; other files in the folder stay.

    Args:
        workspace: The output.
        but: Paths of pictures to keep.

    Returns:
        The number of pictures removed.
    """
    folder, removed = workspace.published(FOLDER), 0
    for name in workspace.names(folder):
        path = workspace.published(FOLDER, name)
        if path not in but and picture_source(path, workspace) is not None:
            workspace.remove(path)
            removed += 1
    workspace.remove_if_empty(folder)
    return removed


def picture_source(path: str, workspace: Workspace) -> str | None:
    """Read the source recorded in a picture; None if the file is missing, damaged or was not drawn by a run."""
    if workspace.is_local and not workspace.is_file(path):
        return None
    try:
        with workspace.files.open_input_file(path) as file, Image.open(file, formats=["png"]) as image:
            source: str | None = image.info.get(KEY)
            image.verify()  # the checksum of each part
            return source
    except (OSError, SyntaxError, ValueError):  # Pillow's errors for other formats and for damage
        return None


def is_replaceable(path: str, storage: Storage) -> bool:
    """Return True if nothing is at the path of a picture, or a picture that a run drew, whole or damaged."""
    return not storage.is_file(path) or KEY.encode() in storage.read_head(path, HEAD)
