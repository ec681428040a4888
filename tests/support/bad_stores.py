"""Files on stores that are refused, one for each reason, and the call that refuses it."""

import io
from collections.abc import Callable

import fsspec
import numpy as np
import tifffile

from ratiopath.remote.cache import BLOCK
from ratiopath.remote.copies import Copies
from ratiopath.remote.file import RemoteFile
from ratiopath.remote.listing import list_files
from ratiopath.slides import open_slide
from ratiopath.slides.paths import find_slides
from tests.support.disturbed_store import DisturbedStore, Fault, HttpError, cut, error, unchanged

CONTENT = bytes(9 * BLOCK)


def opened(content: bytes, *faults: Fault) -> object:
    """Open an image whose requests for bytes meet some faults."""
    return open_slide(DisturbedStore.holding("a.tiff", content, *faults))


def read(*faults: Fault, later: bytes | None = CONTENT) -> bytes:
    """Read a file that is another one, or none, once it is open; the requests from then on meet some faults."""
    file = RemoteFile.open(DisturbedStore.holding("a.tiff", CONTENT))
    DisturbedStore.faults[:] = faults
    DisturbedStore.contents.pop("a.tiff")
    if later is not None:
        DisturbedStore.contents["a.tiff"] = later
    return file.read_at(3 * BLOCK, 10)


def without_size() -> object:
    uri = DisturbedStore.holding("a.tiff", CONTENT)
    DisturbedStore.has_size = False
    return open_slide(uri)


def without_copies() -> object:
    return Copies("/proc/copies", 0).hold(DisturbedStore.holding("a.ndpi", CONTENT))


def folder_in_memory() -> object:
    fsspec.filesystem("memory").pipe_file("/folder/a.tiff", b"")
    return open_slide("memory://folder")


def whole(content: bytes) -> bytes:
    """A fault: the whole file is the answer to any range."""
    return CONTENT


def deep_tiff(description: str | None = None) -> bytes:
    """A TIFF whose second directory lies behind the first block."""
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as tiff:
        for side in (2048, 1024):
            level = np.zeros((side, side), np.uint8)
            tiff.write(level, tile=(256, 256), subfiletype=int(side < 2048), description=description, metadata=None)
    return file.getvalue()


BAD_STORES: dict[str, Callable[[], object]] = {
    "credential": lambda: open_slide("s3://KEY:TOPSECRET@bucket/a.tiff"),
    "option": lambda: open_slide("s3://bucket/a.tiff?token=TOPSECRET"),
    "signature": lambda: open_slide("https://example.org/a.tiff?X-Amz-Signature=TOPSECRET"),
    "folder": lambda: open_slide("s3://bucket/slides/"),
    "pattern": lambda: open_slide("s3://bucket/*.tiff"),
    "nothing at a folder": lambda: find_slides("memory://nothing/there"),
    "nothing at a pattern": lambda: find_slides("memory://nothing/*.tiff"),
    "a listing of a web server": lambda: list_files("https://example.org/slides"),
    "a store without listings": lambda: find_slides(f"{DisturbedStore.holding('a.tiff', CONTENT)}/slides"),
    "scheme": lambda: open_slide("nowhere://a.tiff"),
    "absent": lambda: open_slide("memory://absent.tiff"),
    "directory": folder_in_memory,
    "no size": without_size,
    "json": lambda: opened(b"{}"),
    "gif": lambda: opened(b"GIF89a"),
    "no room for a copy": without_copies,
    "no ranges": lambda: read(whole),
    "changed": lambda: read(later=CONTENT[::-1] + b"x"),
    "removed": lambda: read(later=None),
    "busy": lambda: read(*[error(HttpError(503))] * 5),
    "cut": lambda: read(*[cut] * 5),
    "denied": lambda: read(error(HttpError(403))),
    "busy at first": lambda: opened(CONTENT, *[error(HttpError(503))] * 5),
    "shorter": lambda: read(error(HttpError(416))),
    "busy beneath a parser": lambda: opened(deep_tiff("Aperio"), unchanged, *[error(HttpError(503))] * 5),
}
