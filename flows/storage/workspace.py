"""Paths of one run: the tables that users read, and a hidden folder for tables between tasks.

A folder with a file per slide has one of two layouts (docs/decisions/0026-subfolders.md):

    flat          coverage/ID.parquet
    subfolders    coverage/3f/ID.parquet
"""

import hashlib
import os
import posixpath
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import BinaryIO, Literal
from uuid import uuid4

from flows.storage.filesystem import Storage, upload
from flows.storage.listing import SUBFOLDER
from flows.storage.publication import Publication, move_into_place, publish
from schemas.fields import DERIVED_ID_FORM, ID_DIGITS, SLIDE_ID_FORM

WORK = ".work"
"""Hidden folder in the output, with a folder for each run that is not finished."""
STATE = ".state"
"""Hidden folder in the output, with the state index."""
Folder = Literal["coverage", "tiles", "previews", "tissue"]
"""Folder that holds a file per slide."""
SUFFIXES: dict[Folder, str] = {"coverage": ".parquet", "tiles": ".parquet", "previews": ".png", "tissue": ".tiff"}
"""Suffix of the slides' files in each folder that holds one file per slide."""
Layout = Literal["flat", "subfolders", "mixed"]
"""Layout of these folders; mixed: a run that was moving the files into subfolders has ended before all were moved."""
UNMOVED: Folder = "tissue"
"""Folder of which no file is moved: the tables name the masks in it, and would be outdated."""


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
    layout: Layout = "flat"
    """Layout of the folders with a file per slide."""
    part: Part = Part()
    """Part of the slides that the run works on."""

    @property
    def hidden(self) -> str:
        """Folder of unfinished files and of tables between tasks, on the output's file system so that moves work."""
        return self.published(WORK, self.run)

    def published(self, *names: str) -> str:
        """Return the path of a file or folder that users read."""
        return posixpath.join(self.root, *names)

    def of_slide(self, folder: Folder, slide_id: str, suffix: str | None = None) -> str:
        """Return the path of one slide's file in a folder that holds one file per slide.

        Args:
            folder: The folder.
            slide_id: The slide.
            suffix: Suffix of the file; None for that of the folder.

        Raises:
            ValueError: The id could name a file elsewhere.
        """
        return self.published(self.name_of(folder, slide_id, suffix))

    def name_of(self, folder: Folder, slide_id: str, suffix: str | None = None) -> str:
        """Return the path within the output of one slide's file; see `of_slide`."""
        name = f"{checked_id(slide_id)}{suffix or SUFFIXES[folder]}"
        flat, below = posixpath.join(folder, name), posixpath.join(folder, subfolder_of(slide_id), name)
        is_below = self.is_below(folder)
        if is_below is None:
            is_below = not self.is_file(self.published(flat))
        return below if is_below else flat

    def is_below(self, folder: Folder) -> bool | None:
        """Return True if a folder's files lie in subfolders, False if in the folder itself, None if in either."""
        if self.layout == "flat":
            return False
        return None if self.layout == "mixed" or folder == UNMOVED else True

    def is_place_of(self, slide_id: str, folder: Folder, subfolder: str) -> bool:
        """Return True if a subfolder, or "" for the folder itself, is the place of a slide's file."""
        is_below = self.is_below(folder)
        if not subfolder:
            return is_below is not True
        return is_below is not False and subfolder == subfolder_of(slide_id)

    def remove_of_slide(self, path: str) -> None:
        """Remove one slide's file, and its subfolder if it was the last one there."""
        self.remove(path)
        folder = posixpath.dirname(path)
        if self.is_local and SUBFOLDER.fullmatch(posixpath.basename(folder)):
            with suppress(OSError):  # it holds other files
                os.rmdir(folder)

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

    def atomic_write(self, path: str, publication: Publication | None = None) -> AbstractContextManager[BinaryIO]:
        """Open a file that appears under its name, whole, if the block ends without an error.

        Args:
            path: Path of the file.
            publication: Files with which it appears; None for at once, as a file between tasks or on a store does.
        """
        if not self.is_local:
            return upload(path, self.files)
        if path.startswith(posixpath.join(self.hidden, "")):
            return move_into_place(path, self.hidden)
        return publish(path, self.hidden) if publication is None else publication.open(path, self.hidden)


def subfolder_of(slide_id: str) -> str:
    """Return the name of a slide's subfolder: two hexadecimal digits.

        TCGA-02_1_-3f9c1e0b2d4a -> 3f

    They are the first two at the end of a derived id, and of an id of a manifest those of its SHA-256.
    """
    digits = slide_id[-ID_DIGITS:] if is_slide_id(slide_id) else hashlib.sha256(slide_id.encode()).hexdigest()
    return digits[:2]


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
