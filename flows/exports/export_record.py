"""Record of an export in its folder, export.json: the settings, and the files that belong to each slide."""

import posixpath
from collections.abc import Iterator
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from flows.config.errors import ConfigurationError
from flows.storage.filesystem import Storage
from flows.storage.parquet import write_json
from flows.storage.workspace import Workspace

FILE = "export.json"
"""Name of the record."""
VERSION = 1
"""Version of the formats; to be raised when the same tables give other files."""


def _relative(path: str) -> str:
    """Refuse a path out of the folder: the files of a record are removed."""
    if posixpath.normpath(path) != path or path.startswith(("/", "..")) or path == ".":
        raise ValueError("no path in the folder")
    return path


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)


class ExportedFiles(_Part):
    """Files of one slide."""

    slide_id: str
    """The slide."""
    path: str
    """Path of the slide itself."""
    name: str
    """Name of its files."""
    tiles: int
    """Number of tiles written."""
    source: str | None
    """Digest of what the files were made from; None if the tables do not say, so that they are written again."""
    files: list[Annotated[str, AfterValidator(_relative)]]
    """Paths in the folder, sorted."""
    made_from: str | None = None
    """Digest of the provenance of the slide's file in tiles/; None if it has none."""


class PutAside(_Part):
    """A slide that is not in the export."""

    path: str
    """Path of the slide."""
    reason: str
    """Error and message."""


class ExportRecord(_Part):
    """Content of export.json."""

    program: str = "ratiopath-flows"
    """Mark of this program."""
    version: int = VERSION
    """Version of the formats."""
    format: str
    """Name of the format."""
    settings: dict[str, Any]
    """Settings that decide the content of the files."""
    output: str
    """Output whose tables were exported."""
    is_finished: bool = True
    """False while an export works on the folder, and after it was killed."""
    slides: list[ExportedFiles] = []
    """Slides in the order of slides.parquet."""
    gone: list[ExportedFiles] = []
    """Slides that the last run did not find, whose rows tiles/ keeps: their files stay as they are."""
    cohort: list[Annotated[str, AfterValidator(_relative)]] = []
    """Files about the slides that the last run found."""
    put_aside: list[PutAside] = []
    """Slides of the tables without files."""
    others: list[str] = []
    """Files of others that an unfinished export found."""

    @classmethod
    def read(cls, storage: Storage, format_name: str) -> Self | None:
        """Read the record of a folder; None if there is none.

        Raises:
            ConfigurationError: It is of another program or format.
        """
        path, remedy = posixpath.join(storage.root, FILE), "move it away, or set another folder"
        if not storage.is_file(path):
            return None
        with storage.files.open_input_file(path) as file:
            content = file.read()
        try:
            record = cls.model_validate_json(content)
        except ValidationError:
            found = f"{posixpath.join(storage.output, FILE)!r} is not a file of this program"
            raise ConfigurationError(f"to: {found}; {remedy}") from None
        if record.format != format_name:
            found = f"{storage.output!r} holds an export of the format {record.format[:80]}"
            raise ConfigurationError(f"to: {found}; set another folder")
        return record

    def write(self, workspace: Workspace) -> None:
        """Write the record."""
        write_json(self.model_dump(mode="json"), workspace.published(FILE), workspace)

    @property
    def every(self) -> list[ExportedFiles]:
        """Slides with files, those that are gone too."""
        return [*self.slides, *self.gone]

    @property
    def files(self) -> Iterator[str]:
        """Paths of all files, in the folder."""
        for slide in self.every:
            yield from slide.files
        yield from self.cohort
