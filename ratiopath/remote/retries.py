"""Tries again after errors of a store that may pass."""

import re
from typing import TYPE_CHECKING

from ratiopath.errors import RatiopathError

if TYPE_CHECKING:
    from tenacity import Retrying

ATTEMPTS = 5
"""Maximum number of tries of a request."""
TRY_SECONDS = 60.0
"""Longest time of a try, whatever the client of a store does."""
CONNECT_SECONDS, STALL_SECONDS = 5.0, 10.0
"""Longest times without a connection, and without a byte, as far as the client of a store lets them be set."""
FIRST_PAUSE = 0.25
"""Seconds before the second try; each later pause is twice as long, and up to this longer by chance."""
_LONGEST_PAUSE = 8.0
_LASTING = (
    FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError, RatiopathError, MemoryError, ImportError,
    NotImplementedError, TypeError, ValueError,
)  # fmt: skip
"""Errors that another try does not mend; all others may pass, whatever class a client library has for them."""
_REFUSED, _BUSY = range(400, 500), frozenset({408, 425, 429})
"""Answers of HTTP that stay, but for those that ask to come again."""
_DENIED = frozenset({401, 403})
_NAMED = {"NO_SUCH_BUCKET": 404, "ACCESS_DENIED": 403, "INVALID_ACCESS_KEY_ID": 403, "SIGNATURE_DOES_NOT_MATCH": 403}
"""Answers of S3 that pyarrow names without their status."""


def is_transient(error: BaseException) -> bool:
    """Return True if the next try may succeed."""
    status = status_of(error)
    if status is not None:
        return status not in _REFUSED or status in _BUSY
    return isinstance(error, Exception) and not isinstance(error, _LASTING)


def is_denied(error: BaseException) -> bool:
    """Return True if the store does not let these credentials read."""
    return isinstance(error, PermissionError) or status_of(error) in _DENIED


def status_of(error: BaseException) -> int | None:
    """Return the status of HTTP of an error: an attribute, or in the text of pyarrow."""
    status = getattr(error, "status", None)
    if isinstance(status, int):
        return status
    if not isinstance(error, OSError):
        return None
    found, named = (re.search(form, str(error)) for form in (r"HTTP status (\d{3})\b", r"AWS Error ([A-Z_]+)\b"))
    return int(found[1]) if found else named and _NAMED.get(named[1])


def found_in(error: BaseException) -> str:
    """Describe an error by class, status and the system's words; never by its text, which may hold an address."""
    status, words = status_of(error), getattr(error, "strerror", None)
    details = [f"HTTP status {status}"] if status is not None else []
    if isinstance(words, str) and status is None and getattr(error, "errno", None) is not None:
        details.append(words.lower())
    return ", ".join([type(error).__name__, *details])


def retrying() -> "Retrying":
    """Return a policy with growing pauses, which raises the store's last error."""
    from tenacity import (  # noqa: PLC0415 - takes 30 ms, and files of this machine need none
        Retrying,
        retry_if_exception,
        stop_after_attempt,
        wait_exponential,
        wait_random,
    )

    return Retrying(
        retry=retry_if_exception(is_transient),
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_exponential(multiplier=FIRST_PAUSE, max=_LONGEST_PAUSE) + wait_random(0, FIRST_PAUSE),
        reraise=True,
    )
