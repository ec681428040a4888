"""Retries of errors of the storage that may pass, before a slide fails."""

import errno

from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter

NUMBERS = frozenset(
    {
        errno.EAGAIN, errno.EBUSY, errno.ECONNABORTED, errno.ECONNREFUSED, errno.ECONNRESET, errno.EHOSTDOWN,
        errno.EHOSTUNREACH, errno.EINTR, errno.EIO, errno.ENETDOWN, errno.ENETRESET, errno.ENETUNREACH, errno.ENOTCONN,
        errno.EREMOTEIO, errno.ESTALE, errno.ETIMEDOUT,
    }
)  # fmt: skip
"""Error numbers of network file systems and busy disks."""
ATTEMPTS = 3
"""Maximum number of tries of a slide whose storage errs, after the one in its batch."""


def is_transient(error: BaseException | None) -> bool:
    """Return True if an error, or one of its causes, is one of the storage that may pass."""
    seen: list[BaseException] = []
    while error is not None and error not in seen:  # `raise error from error` is its own cause
        seen.append(error)
        error = error.__cause__
    return any(getattr(one, "errno", None) in NUMBERS for one in seen)


def retrying() -> Retrying:
    """Return a policy that tries at once and after pauses of about 1 and 2 seconds, then raises the storage's error."""
    return Retrying(
        retry=retry_if_exception(is_transient),
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_exponential_jitter(initial=1, max=8),
        reraise=True,
    )
