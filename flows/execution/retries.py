"""Errors of the storage that may be gone in a moment: worth another try before a slide is put aside."""

import errno

from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter

NUMBERS = frozenset(
    {
        errno.EAGAIN, errno.EBUSY, errno.ECONNABORTED, errno.ECONNREFUSED, errno.ECONNRESET, errno.EHOSTDOWN,
        errno.EHOSTUNREACH, errno.EINTR, errno.EIO, errno.ENETDOWN, errno.ENETRESET, errno.ENETUNREACH, errno.ENOTCONN,
        errno.EREMOTEIO, errno.ESTALE, errno.ETIMEDOUT,
    }
)  # fmt: skip
"""What network file systems and busy disks say."""
ATTEMPTS = 3
"""After the first."""


def is_transient(error: BaseException | None) -> bool:
    """Whether an error, or what caused it, is one of the storage."""
    seen: list[BaseException] = []
    while error is not None and error not in seen:  # `raise error from error` is its own cause
        seen.append(error)
        error = error.__cause__
    return any(getattr(one, "errno", None) in NUMBERS for one in seen)


def retrying() -> Retrying:
    """Tries at once, and again after pauses of about 1 and 2 seconds while the storage errs; then raises its error."""
    return Retrying(
        retry=retry_if_exception(is_transient),
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_exponential_jitter(initial=1, max=8),
        reraise=True,
    )
