"""TODO."""

from collections.abc import Collection

import pyarrow as pa
import pyarrow.compute as pc
from PIL import Image

from flows.storage.workspace import Workspace

FOLDER = "previews"
"""Of the pictures, in the output."""
KEY = "ratiopath.made_from"
"""Text in a picture: what it shows."""


def picture_of(slide_id: str, workspace: Workspace) -> str:
    """Where the picture of a slide is, if it has one."""
    return workspace.published(FOLDER, f"{slide_id}.png")


def with_picture(pictures: pa.Table) -> set[str]:
    """Ids of the slides that have a picture.

    Args:
        pictures: A table of `schemas.pictures`.
    """
    return set(pictures.filter(pc.is_null(pictures["trouble"]))["slide_id"].to_pylist())


def remove_previews(workspace: Workspace, but: Collection[str] = ()) -> None:
    """Remove pictures of earlier runs that show what is not in the tables; what is somebody else's stays.

    Args:
        workspace: Where the output is.
        but: Files that stay.
    """
    folder = workspace.published(FOLDER)
    for name in workspace.storage.names(folder):
        path = workspace.published(FOLDER, name)
        if path not in but and picture_source(path, workspace) is not None:
            workspace.storage.remove(path)
    workspace.storage.remove_if_empty(folder)


def picture_source(path: str, workspace: Workspace) -> str | None:
    """What a picture shows; None where there is no such picture, or it is somebody else's."""
    try:
        with workspace.files.open_input_file(path) as file, Image.open(file, formats=["png"]) as image:
            shown: str | None = image.info.get(KEY)
            return shown
    except OSError:
        return None
