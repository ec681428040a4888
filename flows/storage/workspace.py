"""Paths of one run: the tables that users read, and a hidden folder for tables between tasks."""

import posixpath
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO, Literal
from uuid import uuid4

from flows.storage.filesystem import Storage, move_into_place, upload
from schemas.fields import DERIVED_ID_FORM, SLIDE_ID_FORM

WORK = ".work"
"""Hidden folder in the output, with a folder for each run that is not finished."""
SUFFIXES = {"coverage": ".parquet", "tiles": ".parquet", "previews": ".png", "tissue": ".tiff"}
"""Suffix of the slides' files in each folder that holds one file per slide."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some of the slides that a run has to do, which go through the tasks together."""

    number: int = 1
    """Number of the part, from 1."""
    label: str = ""
    """Text that tells the part from others, for people; empty if there is only one."""


@dataclass(frozen=True, slots=True)
class Workspace(Storage):
    """Output of a run and the hidden folder in it, both reachable from workers on other machines."""

    run: str = field(default_factory=lambda: uuid4().hex)
    """Name of this run: a worker left over from a killed run writes elsewhere."""
    part: Part = Part()
    """Part of the slides that the run works on."""

    @property
    def hidden(self) -> str:
        """Folder of unfinished files and of tables between tasks, on the output's file system so that moves work."""
        return self.published(WORK, self.run)

    def published(self, *names: str) -> str:
        """Return the path of a file or folder that users read."""
        return posixpath.join(self.root, *names)

    def of_slide(
        self, folder: Literal["coverage", "tiles", "previews", "tissue"], slide_id: str, suffix: str | None = None
    ) -> str:
        """Return the path of one slide's file in a folder that holds one file per slide.

        Args:
            folder: The folder.
            slide_id: The slide.
            suffix: Suffix of the file; None for that of the folder.

        Raises:
            ValueError: The id could name a file elsewhere.
        """
        return self.published(folder, f"{checked_id(slide_id)}{suffix or SUFFIXES[folder]}")

    def between(self, *names: str) -> str:
        """Return the path of a file that only later tasks of this part of the run read."""
        return posixpath.join(self.hidden, f"part-{self.part.number}", *names)

    def of_run(self, *names: str) -> str:
        """Return the path of a file that other parts of the run read, or its end."""
        return posixpath.join(self.hidden, *names)

    def failures(self, task: str) -> str:
        """Return the path of the failed slides of one task in this part of the run."""
        return self.of_run("failures", f"{self.part.number:06d} {task}.parquet")

    def tidy(self) -> None:
        """Remove the hidden folders of this run and of killed runs."""
        self.remove_folder(self.published(WORK))

    @contextmanager
    def own_files(self) -> Iterator[None]:
        """Remove this run's hidden folder after the block, and leave those of others."""
        try:
            yield
        finally:
            self.remove_folder(self.hidden)
            self.remove_if_empty(self.published(WORK))

    def atomic_write(self, path: str) -> AbstractContextManager[BinaryIO]:
        """Open a file that appears under its name when the block ends without an error."""
        return move_into_place(path, self.hidden) if self.is_local else upload(path, self.files)


def is_slide_id(text: str) -> bool:
    """Return True if a text has the form of a derived id, which names of other programs' files have not."""
    return re.fullmatch(DERIVED_ID_FORM, text) is not None


def checked_id(slide_id: str) -> str:
    """Return a slide id that is safe in a path.

    Raises:
        ValueError: It has another form, such as that of a path to elsewhere.
    """
    if re.fullmatch(SLIDE_ID_FORM, slide_id) is None:
        raise ValueError(f"{slide_id!r} is no slide id")
    return slide_id
