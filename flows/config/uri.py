"""Names of what lies elsewhere: the output may have one, slides and overlays are read from a file system."""

import re

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def is_uri(path: str) -> bool:
    """Whether it begins like s3://."""
    return _SCHEME.match(path) is not None


def refuse_uri(path: str) -> str:
    """A path of a slide or an overlay as it is.

    Raises:
        ValueError: It is a URI.
    """
    if is_uri(path):
        remedy = "mount or copy the files and give their path; only output may be a URI"
        raise ValueError(f"slides and overlays lie on a file system, found {path!r}; {remedy}")
    return path
