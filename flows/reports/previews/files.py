"""Files in previews/: pictures with the source recorded in each, the scripts beside them, and their removal.

SLIDE.png    the picture
SLIDE.js     the shares of its tiles, which the gallery loads
"""

import hashlib

import pyarrow as pa
from PIL import Image

from flows.reports.previews.tile_shares import MARK
from flows.storage.filesystem import Storage
from flows.storage.listing import list_files, names_but
from flows.storage.workspace import SUFFIXES, Folder, Workspace

FOLDER: Folder = "previews"
"""Folder of the pictures in the output."""
VERSION = 3
"""Version of the drawing; to be raised when the same tables give another picture."""
KEY = "ratiopath.made_from"
"""Key of the PNG text that records the source of a picture."""
DIGEST_KEY = "ratiopath.script"
"""Key of the PNG text that records the SHA-256 of the script beside a picture."""
SCRIPT = ".js"
"""Suffix of the scripts."""
HEAD = 1024
"""Number of leading bytes that contain the key or the mark of a script."""


def script_of(slide_id: str, workspace: Workspace) -> str:
    """Return the path of the shares of a slide's tiles.

    Raises:
        ValueError: The id could name a file elsewhere.
    """
    return workspace.of_slide(FOLDER, slide_id, SCRIPT)


def remove_previews(workspace: Workspace, but: pa.Array | None = None) -> int:
    """Remove the pictures and scripts of earlier runs; other files in the folder stay.

    Args:
        workspace: The output.
        but: Ids of the slides whose pictures stay.

    Returns:
        The number of pictures removed.
    """
    folder, removed = workspace.published(FOLDER), 0
    listing = list_files(workspace, folder)
    for suffix, is_ours in ((SCRIPT, _is_script), (SUFFIXES[FOLDER], _is_picture)):
        for name in names_but(listing, suffix, but, is_below=workspace.is_below(FOLDER)):
            path = workspace.published(FOLDER, name)
            if is_ours(path, workspace):
                workspace.remove_of_slide(path)
                removed += suffix != SCRIPT
    workspace.remove_if_empty(folder)
    return removed


def _is_script(path: str, workspace: Workspace) -> bool:
    return workspace.read_head(path, len(MARK)) == MARK.encode()


def _is_picture(path: str, workspace: Workspace) -> bool:
    return picture_source(path, workspace) is not None


def picture_source(path: str, workspace: Workspace) -> str | None:
    """Read the source recorded in a picture; None if the file is missing, damaged or was not drawn by a run."""
    return _texts(path, workspace).get(KEY)


def has_preview(path: str, script: str, source: str, workspace: Workspace) -> bool:
    """Return True if a picture of this source is whole, and so is the script that was written with it."""
    texts = _texts(path, workspace)
    if texts.get(KEY) != source or not workspace.is_file(script):
        return False
    with workspace.files.open_input_file(script) as file:
        return digest_of(file.read()) == texts.get(DIGEST_KEY)


def digest_of(script: bytes) -> str:
    """Return the SHA-256 of a script, in hexadecimal digits."""
    return hashlib.sha256(script).hexdigest()


def _texts(path: str, workspace: Workspace) -> dict[str, str]:
    if workspace.is_local and not workspace.is_file(path):
        return {}
    try:
        with workspace.files.open_input_file(path) as file, Image.open(file, formats=["png"]) as image:
            texts = {key: image.info[key] for key in (KEY, DIGEST_KEY) if key in image.info}
            image.verify()  # the checksum of each part
            return texts
    except (OSError, SyntaxError, ValueError):  # Pillow's errors for other formats and for damage
        return {}


def is_replaceable(path: str, storage: Storage) -> bool:
    """Return True if nothing is at the path of a picture or script, or one of a run, whole or damaged."""
    mark = (MARK if path.endswith(SCRIPT) else KEY).encode()
    return not storage.is_file(path) or mark in storage.read_head(path, HEAD)
