"""Where the overlay of a slide is: a template over the slide's path, a regular expression, or a manifest's column."""

import os
import re
from collections.abc import Iterable
from string import Formatter
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationInfo, field_validator

from flows.config.uri import refuse_uri
from ratiopath.slides.paths import slide_suffix

FIELDS = ("dir", "name", "stem", "suffix")
"""What a template may name: /a/b.ome.tiff has dir /a, name b.ome.tiff, stem b and suffix .ome.tiff."""


class Pattern(BaseModel):
    """The overlay's path is the slide's path with all matches of a regular expression replaced."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    match: str = Field(min_length=1, description="regular expression, searched in the slide's absolute path")
    replace: str = Field(description=r"what to put in place of each match; \1 or \g<name> stands for a group")

    @field_validator("match")
    @classmethod
    def _compiles(cls, match: str) -> str:
        try:
            re.compile(match)
        except re.error as error:
            raise ValueError(
                f"{match!r} is no regular expression: {error}; escape . ( ) [ ] with a backslash"
            ) from None
        return match

    @field_validator("replace")
    @classmethod
    def _refers_to_groups(cls, replace: str, info: ValidationInfo) -> str:
        match = info.data.get("match")
        if match is not None:
            try:
                re.compile(match).sub(replace, "")  # the replacement is parsed even where nothing matches
            except (re.error, IndexError) as error:
                raise ValueError(f"{replace!r} does not fit {match!r}: {error}; name groups that match has") from None
        return replace


class Column(BaseModel):
    """The overlay's path is a cell of the manifest."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: str = Field(min_length=1, description="column of the manifest; relative paths begin at its folder")


def parsed(template: str) -> tuple[tuple[str, str | None], ...]:
    """Split a template into literals, each with the field that follows it.

    Raises:
        ValueError: Unbalanced braces, or anything in them but one of FIELDS.
    """
    known = ", ".join(f"{{{field}}}" for field in FIELDS)
    try:
        parts = list(Formatter().parse(template))
    except ValueError as error:
        raise ValueError(f"{template!r} is no template: {error}; write a brace of the path twice: {{{{ }}}}") from None
    for _, field, form, conversion in parts:
        if field is not None and (field not in FIELDS or form or conversion):
            inside = field + (f"!{conversion}" if conversion else "") + (f":{form}" if form else "")
            raise ValueError(f"{template!r} has the unknown field {{{inside}}}; a template may name {known}")
    return tuple((literal, field) for literal, field, _, _ in parts)


def _is_template(text: str) -> str:
    if "\0" in text:
        raise ValueError("a path has no NUL character; remove it")
    refuse_uri(text)
    parsed(text)
    return os.path.expanduser(text)


def _kind(path: Any) -> str:
    if isinstance(path, Pattern) or (isinstance(path, dict) and path.keys() & {"match", "replace"}):
        return "(pattern)"
    return "(column)" if isinstance(path, Column | dict) else "(template)"


OverlayPath = Annotated[
    Annotated[str, Field(min_length=1), AfterValidator(_is_template), Tag("(template)")]
    | Annotated[Pattern, Tag("(pattern)")]
    | Annotated[Column, Tag("(column)")],
    Discriminator(_kind),
]


VARIANTS: dict[int | str, type[BaseModel]] = {"(pattern)": Pattern, "(column)": Column, "(template)": BaseModel}
"""The marks by which pydantic tells the forms apart in its errors."""


def overlay_path(slide: str, path: str | Pattern | Column, cell: str | None = None) -> str | None:
    """The overlay of a slide.

    Args:
        slide: The slide's absolute path.
        path: A template, a pattern or a column.
        cell: What the manifest's row has in that column.

    Returns:
        An absolute path; None where the pattern does not match or the cell is empty.
    """
    if isinstance(path, Column):
        return cell or None
    if isinstance(path, Pattern):
        replaced, matches = re.subn(path.match, path.replace, slide)
        return os.path.abspath(replaced) if matches else None
    folder, name = os.path.split(slide)
    suffix = slide_suffix(slide)
    values = {"dir": folder, "name": name, "stem": name.removesuffix(suffix), "suffix": suffix}
    return os.path.abspath("".join(literal + (values[field] if field else "") for literal, field in parsed(path)))


def folders_of_overlays(slide: str, path: str | Pattern | Column, named: Iterable[str]) -> list[str] | None:
    """The folders in which the overlay of a slide has to lie: a template with `..`, or a name that is one, ends there.

    Args:
        slide: The slide's absolute path.
        path: A template, a pattern or a column.
        named: The folders that the slides are named by, see `folder_named_by`.

    Returns:
        The folder that the template itself begins with; else those named as slides and the slide's own; None for a
        pattern and a cell, which say where it is.
    """
    if not isinstance(path, str):
        return None
    beginning, field = parsed(path)[0]
    if beginning or field != "dir":
        return [os.path.abspath(os.path.dirname(beginning))]
    return [os.path.dirname(slide), *named]


def folder_named_by(entry: str) -> str:
    """The folder that an entry of `slides` names: itself, or the one of a file, of a manifest or before a glob."""
    path = os.path.abspath(entry)
    while not os.path.isdir(path) and path != os.path.dirname(path):
        path = os.path.dirname(path)
    return path
