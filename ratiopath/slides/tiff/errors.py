"""What goes wrong inside tifffile and the codecs, as this library's errors."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from ratiopath.errors import SlideError, TruncatedError, UnsupportedImageError


def translate_error(error: Exception, path: str) -> SlideError:
    """The error to raise instead of what tifffile or a codec raised.

    On a corrupt file a codec may raise anything, each its own class.
    """
    found = f"{type(error).__name__}: {error}"
    if isinstance(error, NotImplementedError):
        remedy = "export it with another layout or codec"
        return UnsupportedImageError("an image can be decoded", path=path, found=found, remedy=remedy)
    if isinstance(error, OSError):
        remedy = "check the file and the storage it lies on"
        return TruncatedError("a file can be read", path=path, found=found, remedy=remedy)
    return TruncatedError("a TIFF is whole", path=path, found=found, remedy="copy or export the file again")


@contextmanager
def strict_tifffile(path: str) -> Iterator[None]:
    """Raise for what tifffile raises, and for what it merely logs as an error.

    It logs a directory that is cut off and goes on with those before it: a level would silently be missing.
    """
    complaints = _Complaints()
    logger = logging.getLogger("tifffile")
    logger.addHandler(complaints)
    try:
        yield
    except (SlideError, MemoryError):
        raise
    except Exception as error:
        raise translate_error(error, path) from error
    finally:
        logger.removeHandler(complaints)
    if complaints.messages:
        found, remedy = "; ".join(complaints.messages), "copy or export the file again"
        raise TruncatedError("a TIFF is whole", path=path, found=found, remedy=remedy)


class _Complaints(logging.Handler):
    """Collects what a library logs as an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())
