"""URIs in the configuration: accepted for `output`, refused for slides and overlays."""

import re

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def is_uri(path: str) -> bool:
    """Return True if the path begins with a scheme, such as s3://."""
    return _SCHEME.match(path) is not None


def refuse_uri(path: str) -> str:
    """Return the path of a slide or an overlay unchanged.

    Raises:
        ValueError: It is a URI.
    """
    if is_uri(path):
        remedy = "mount or copy the files and give their path; only output may be a URI"
        raise ValueError(f"{path!r} is a URI, but slides and overlays are read from a file system; {remedy}")
    return path
