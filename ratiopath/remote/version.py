"""The version of a file on a store."""

from dataclasses import dataclass

COPY_HINT = "copy it to a folder of this machine"


@dataclass(frozen=True, slots=True)
class Version:
    """State of a file, as its store tells it; files of equal versions have equal bytes."""

    size: int
    """Size in bytes."""
    marks: tuple[str, ...] = ()
    """ETag or generation, and times; empty where the store tells neither."""


@dataclass(frozen=True, slots=True)
class FileState:
    """State of a file on a store; another one tells that the file has changed."""

    size: int
    """Size in bytes."""
    mark: str
    """ETag, or time of the last change; empty where a store tells neither."""
