"""Path of a slide's overlay: a template over the slide's path, a regular expression, or a manifest column.

Fields and patterns see a URI as text: decoded, without its options. An overlay in the bucket of its slide has the
slide's options, unless it is given others.
"""

import os
import re
from collections.abc import Iterable
from functools import cache
from string import Formatter
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Discriminator, Field, Tag, ValidationInfo, field_validator

from flows.config.excerpt import excerpt
from flows.config.fields import MAX_PATH, refuse_nul
from flows.config.rewrite import MAX_LENGTH, rewrite
from flows.config.section import Section
from flows.config.uri import check_input, is_uri, refuse_credentials, refuse_uri
from ratiopath.remote.names import decoded, folder_of, name_of, of_text, options_of, plain, with_options_of
from ratiopath.slides.paths import slide_suffix

FIELDS = ("dir", "name", "stem", "suffix")
"""Fields of a template: /a/b.ome.tiff has dir /a, name b.ome.tiff, stem b and suffix .ome.tiff."""


_PLACE = re.compile(r"[^:]+://[^/]+/")
"""Begin of a URI up to the path."""


class Pattern(Section):
    """An overlay path made from the slide's path by replacing every match of a regular expression."""

    match: str = Field(
        min_length=1,
        max_length=MAX_LENGTH,
        description="regular expression of RE2 searched in the slide's absolute path, or its URI, decoded and without"
        " options",
    )
    replace: str = Field(
        max_length=MAX_LENGTH, description=r"replacement for each match; \1 or \g<name> inserts a group"
    )

    @field_validator("match")
    @classmethod
    def _compiles(cls, match: str) -> str:
        refuse_credentials(match)
        try:
            rewrite(match, "")
        except ValueError as error:
            remedy = "escape . ( ) [ ] with a backslash; there are no look-arounds and back-references"
            raise ValueError(f"{excerpt(match)} is not a regular expression of RE2: {error}; {remedy}") from None
        return match

    @field_validator("replace")
    @classmethod
    def _refers_to_groups(cls, replace: str, info: ValidationInfo) -> str:
        check_input(replace)
        match = info.data.get("match")
        if match is not None:
            try:
                rewrite(match, replace)
            except ValueError as error:
                raise ValueError(
                    f"{excerpt(replace)} does not fit {excerpt(match)}: {error}; use groups that match defines"
                ) from None
        return replace


class Column(Section):
    """An overlay path read from a column of the manifest."""

    column: Annotated[str, AfterValidator(refuse_uri)] = Field(
        min_length=1,
        description="column of the manifest; relative paths are resolved against its folder, which may be on a store",
    )


@cache
def parse_template(template: str) -> tuple[tuple[str, str | None], ...]:
    """Split a template into pairs of a literal and the field after it.

    Raises:
        ValueError: Its braces are unbalanced, or hold anything but one of FIELDS.
    """
    known = ", ".join(f"{{{field}}}" for field in FIELDS)
    try:
        parts = list(Formatter().parse(template))
    except ValueError as error:
        raise ValueError(f"{excerpt(template)} is not a template: {error}; double a literal brace: {{{{ }}}}") from None
    for _, field, form, conversion in parts:
        if field is not None and (field not in FIELDS or form or conversion):
            inside = field + (f"!{conversion}" if conversion else "") + (f":{form}" if form else "")
            raise ValueError(f"{excerpt(template)} has the unknown field {{{inside}}}; the fields are {known}")
    return tuple((literal, field) for literal, field, _, _ in parts)


def _check_template(text: str) -> str:
    check_input(text)
    beginning, _ = parse_template(text)[0]
    if is_uri(text) and not _PLACE.match(beginning):
        raise ValueError("found a field in place of a bucket or host; write it out, as in s3://bucket/{stem}.tiff")
    return os.path.expanduser(text)


def _form(path: Any) -> str:
    if isinstance(path, Pattern) or (isinstance(path, dict) and path.keys() & {"match", "replace"}):
        return "(pattern)"
    return "(column)" if isinstance(path, Column | dict) else "(template)"


OverlayPath = Annotated[
    Annotated[
        str,
        Field(min_length=1, max_length=MAX_PATH),
        AfterValidator(refuse_nul),
        AfterValidator(_check_template),
        Tag("(template)"),
    ]
    | Annotated[Pattern, Tag("(pattern)")]
    | Annotated[Column, Tag("(column)")],
    Discriminator(_form),
]

VARIANTS: dict[int | str, type[BaseModel]] = {"(pattern)": Pattern, "(column)": Column, "(template)": BaseModel}
"""Tags of the forms in the locations of pydantic's errors."""


def overlay_path(slide: str, path: str | Pattern | Column, cell: str | None = None) -> str | None:
    """Derive the path of a slide's overlay.

    Args:
        slide: The slide's absolute path, or its URI.
        path: A template, a pattern or a column.
        cell: The manifest's cell in that column.

    Returns:
        An absolute path, or a URI; None if the pattern does not match or the cell is empty.
    """
    if isinstance(path, Column):
        return cell or None
    options = options_of(path.replace if isinstance(path, Pattern) else path)
    if isinstance(path, Pattern):
        text = rewrite(path.match, path.replace.removesuffix(options))(plain(slide))
        if text is None:
            return None
    else:
        text = _filled(path.removesuffix(options), slide)
    return with_options_of(of_text(text) + options, slide)


def _filled(template: str, slide: str) -> str:
    """Fill the fields of a template; the text of one that is a URI may be encoded."""
    name = name_of(slide)
    suffix = slide_suffix(slide)
    values = {"dir": plain(folder_of(slide)), "name": name, "stem": name.removesuffix(suffix), "suffix": suffix}
    parts = parse_template(template)
    return "".join(decoded(text, template) + (values[field] if field else "") for text, field in parts)


def folders_of_overlays(slide: str, path: str | Pattern | Column, named: Iterable[str]) -> list[str] | None:
    """List the folders that may hold the overlay of a slide, so that `..` in a template or a name cannot leave them.

    Args:
        slide: The slide's absolute path, or its URI.
        path: A template, a pattern or a column.
        named: The folders of `slides`, see `folder_named_by`.

    Returns:
        The folder at the beginning of the template if it has one, else the slide's own and those of `slides`, without
        options; None for a pattern or a column, which may name any folder.
    """
    if not isinstance(path, str):
        return None
    beginning, field = parse_template(path)[0]
    if beginning or field != "dir":
        return [of_text(plain(os.path.dirname(beginning)))]
    return [folder_of(slide), *named]
