"""Translation of the errors of tifffile and its codecs to those of this library."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ratiopath.errors import SlideError, TruncatedError, UnsupportedImageError

EXPORT_HINT = "copy or export it again"
_UNCHECKED = (TypeError, AttributeError, LookupError, ArithmeticError)
"""Exceptions of tifffile for a tag that does not hold what it expects, which it does not check."""
_HARMLESS = "missing data ByteCounts tag"
"""Logged for a file without byte counts; another error follows unless it holds one uncompressed strip."""


logging.getLogger("tifffile").addHandler(logging.NullHandler())  # or Python prints its warnings on the terminal


def translate_error(error: Exception, path: str) -> SlideError:
    """Translate an exception of tifffile or a codec.

    On a damaged file a codec may raise any class.
    """
    found = f"{type(error).__name__}: {error}"
    if isinstance(error, NotImplementedError):
        hint = "export it with another layout or codec"
        return UnsupportedImageError(f"cannot decode {path!r} ({found})", path=path, hint=hint)
    if isinstance(error, _UNCHECKED):
        found = "a tag has an unexpected type or number of values"
    if isinstance(error, OSError):
        return TruncatedError(f"cannot read {path!r} ({found})", path=path, hint="check the file and its storage")
    return TruncatedError(f"{path!r} is truncated or damaged ({found})", path=path, hint=EXPORT_HINT)


@contextmanager
def strict_tifffile(path: str) -> Iterator[None]:
    """Translate the exceptions of tifffile, and raise for errors that it only logs.

    It logs a truncated directory and continues with those before it: a level would silently be missing.
    """
    errors = _LoggedErrors()
    logger = logging.getLogger("tifffile")
    logger.addHandler(errors)
    try:
        yield
    except (SlideError, MemoryError):
        raise
    except _UNCHECKED as error:
        problem = f"{path!r} has a tag of an unexpected type or number of values"
        raise UnsupportedImageError(problem, path=path, hint=EXPORT_HINT) from error
    except Exception as error:
        raise translate_error(error, path) from error
    finally:
        logger.removeHandler(errors)
    if errors.messages:
        problem = f"{path!r} is truncated or damaged ({'; '.join(errors.messages)})"
        raise TruncatedError(problem, path=path, hint=EXPORT_HINT)


class _LoggedErrors(logging.Handler):
    """Collector of the messages that a library logs as errors in this thread: another one may open a damaged file."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.messages: list[str] = []
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if record.thread == self._thread and _HARMLESS not in message:
            self.messages.append(message)
