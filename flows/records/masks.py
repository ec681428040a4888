"""Masks of detected tissue in tissue/: a file per slide that says what it was made from, and ends with its checksum.

TIFF      its ImageDescription is JSON: the fingerprint of the slide and the detector
SHA-256   of the TIFF, 64 hexadecimal digits after its end, where readers of TIFF look at nothing
"""

import hashlib
import json
import os
import posixpath
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from tempfile import TemporaryDirectory

import pyarrow as pa

from flows.records.fingerprints import Json
from flows.storage.filesystem import Storage, output_errors
from flows.storage.listing import SUBFOLDER, list_files, names_but
from flows.storage.workspace import SUFFIXES, Folder, Workspace
from ratiopath.tissue import TissueMask

FOLDER: Folder = "tissue"
"""Folder of the masks in the output."""
KEY = "ratiopath.mask_of"
"""Key of the JSON in a mask that a run has written."""
_HEAD = 1024
"""Number of leading bytes that contain the key."""
_DIGITS = 64


def mask_record(source: Json, detector: Json) -> str:
    """Return the description of a mask.

    Args:
        source: Fingerprint of the slide and the resolution given for it.
        detector: The detector, its options and its version.
    """
    return json.dumps({KEY: {"slide": source, "detector": detector}}, sort_keys=True)


def write_mask(mask: TissueMask, record: str, path: str, workspace: Workspace) -> Json:
    """Write a mask, and return its fingerprint."""
    content = mask.to_tiff(record)
    digest = hashlib.sha256(content).hexdigest()
    with output_errors(path), workspace.atomic_write(path) as file:
        file.write(content + digest.encode())
    return _fingerprint(path, content, digest)


def stored_mask(path: str, record: str, workspace: Workspace) -> Json | None:
    """Return the fingerprint of a stored mask; None if it is absent, damaged or was made from something else."""
    if not workspace.is_file(path):
        return None
    with workspace.files.open_input_file(path) as file:
        found: bytes = file.read()
    content, end = found[:-_DIGITS], found[-_DIGITS:]
    digest = hashlib.sha256(content).hexdigest()
    is_current = digest.encode() == end and record.encode() + b"\0" in content[: len(record) + _HEAD]
    return _fingerprint(path, content, digest) if is_current else None


def _fingerprint(path: str, content: bytes, digest: str) -> Json:
    return {"path": path, "size": len(content) + _DIGITS, "sha256": digest}


def is_replaceable_mask(path: str, storage: Storage) -> bool:
    """Return True if nothing is at the path of a mask, or a mask that a run has written, whole or damaged."""
    return not storage.is_file(path) or KEY.encode() in storage.read_head(path, _HEAD)


def remove_masks(workspace: Workspace, but: pa.Array) -> None:
    """Remove the masks that runs have written; other files in the folder stay.

    Args:
        workspace: The output.
        but: Ids of the slides whose masks stay.
    """
    for name in names_but(list_files(workspace, workspace.published(FOLDER)), SUFFIXES[FOLDER], but):
        path = workspace.published(FOLDER, name)
        if is_replaceable_mask(path, workspace):
            workspace.remove_of_slide(path)


def is_inside(path: str, workspace: Workspace) -> bool:
    """Return True if a path is that of a mask in the output."""
    folder, subfolder = posixpath.split(posixpath.dirname(path))
    if SUBFOLDER.fullmatch(subfolder) is None:
        folder = posixpath.join(folder, subfolder)
    return folder == workspace.published(FOLDER)


@contextmanager
def at_hand(paths: Mapping[str, str | None], workspace: Workspace) -> Iterator[dict[str, str | None]]:
    """Provide a slide's overlays as files of this machine: masks on an object store are copied for this block.

    Args:
        paths: File of each overlay; None where the slide has none.
        workspace: The output.

    Yields:
        Path of each overlay on this machine.
    """
    if workspace.is_local:
        yield dict(paths)
        return
    with TemporaryDirectory() as folder:
        files = dict(paths)
        for name, path in paths.items():
            if path is not None and is_inside(path, workspace):
                copy = os.path.join(folder, posixpath.basename(path))
                with workspace.files.open_input_file(path) as source, open(copy, "xb") as target:
                    target.write(source.read())
                files[name] = copy
        yield files
