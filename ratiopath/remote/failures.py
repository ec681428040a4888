"""Errors of a store as those of this library, without the client's text, which may hold an address with a signature."""

import errno

from ratiopath.errors import SlideNotFoundError
from ratiopath.remote.retries import ATTEMPTS, found_in, is_denied, is_transient


def counted(error: Exception) -> str:
    """Describe the last error of a request by its class, and the number of tries."""
    return f"{ATTEMPTS} tries failed, the last with {found_in(error)}" if is_transient(error) else found_in(error)


def hint_for(error: Exception, otherwise: str) -> str:
    """Return the remedy."""
    return "check the credentials in the environment of each process" if is_denied(error) else otherwise


def not_opened(uri: str, error: Exception, problem: str = "cannot open") -> SlideNotFoundError:
    """Describe the error of a request before which nothing was read.

    Args:
        uri: A file or a folder.
        error: Error of its client.
        problem: Begin of the message.
    """
    if isinstance(error, FileNotFoundError | IsADirectoryError):
        found = "no such file on its store" if isinstance(error, FileNotFoundError) else "is a folder"
        return SlideNotFoundError(f"{problem} {uri!r}: {found}", path=uri, hint="check the URI")
    hint = hint_for(error, "check the URI, the store and the network")
    return SlideNotFoundError(f"{problem} {uri!r}: {counted(error)}", path=uri, hint=hint)


def numbered(error: Exception) -> OSError:
    """Make a numbered error without the text of a store's: callers know by the number that they may try later."""
    number = errno.EIO if is_transient(error) else errno.EACCES if is_denied(error) else errno.EINVAL
    return OSError(getattr(error, "errno", None) or number, found_in(error))
