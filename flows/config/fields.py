"""Field types of the configuration, with the checks behind them."""

import keyword
import os
import re
from typing import Annotated, Any

import shapely
from pathspec import GitIgnoreSpec
from pathspec.patterns.gitignore import GitIgnorePatternError
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from flows.config.uri import refuse_uri
from ratiopath.counting.values import normalise_value
from ratiopath.errors import RoiError
from ratiopath.roi import Roi

Box = tuple[float, float, float, float]
"""(minx, miny, maxx, maxy) in pixels of the tile."""


def expecting(wanted: str) -> WrapValidator:
    """Report any failure inside a union as one problem that names the accepted forms."""

    def check(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        try:
            if not isinstance(value, bool):  # pydantic would read it as 0 or 1
                return handler(value)
        except ValidationError:
            pass
        raise ValueError(f"found {value!r}; give {wanted}")

    return WrapValidator(check)


def refuse_bool(value: Any) -> Any:
    """Refuse true and false as numbers: pydantic would read them as 1 and 0."""
    if isinstance(value, bool):
        raise ValueError(f"found {value!r}; give a number such as 1 or 0.5")  # noqa: TRY004 - pydantic collects ValueErrors
    return value


def refuse_nul(value: str) -> str:
    """Refuse a NUL character, which no file system accepts in a path."""
    if "\0" in value:
        raise ValueError(f"{value!r} contains a NUL character; remove it")
    return value


def refuse_yaml_bool(mapping: Any) -> Any:
    """Refuse a key that YAML has turned into a Boolean."""
    for name in mapping if isinstance(mapping, dict) else ():
        if isinstance(name, bool):
            word, synonyms = ("yes", "on and true") if name else ("no", "off and false")
            found = f"YAML reads the name {word} as {str(name).lower()}"
            raise ValueError(f"{found}; put it in quotes ({synonyms} too)")  # noqa: TRY004 - pydantic collects ValueErrors
    return mapping


def refuse_ambiguous_one(value: Any) -> Any:
    """Refuse 1.0, which could mean one slide or all of them."""
    if (isinstance(value, float) and value == 1) or (isinstance(value, str) and "." in value and float(value) == 1):
        raise ValueError(f"found {value!r}")
    return value


def refuse_uris(slides: str | list[str]) -> str | list[str]:
    """Refuse a URI among the entries of `slides`."""
    for entry in [slides] if isinstance(slides, str) else slides:
        refuse_uri(entry)
    return slides


def check_exclude(pattern: str) -> str:
    """Refuse a pattern that names a place outside the slide folders, or that gitignore does not understand."""
    body = pattern.removeprefix("!")
    if body.startswith(("./", "../")) or "/../" in body:
        raise ValueError(
            f"{pattern!r} leads outside the slide folders; write it relative to the folder in slides, such as old/*"
        )
    try:
        GitIgnoreSpec.from_lines([pattern])
    except GitIgnorePatternError:
        raise ValueError(f"{pattern!r} is not a gitignore pattern; write such as *_mask.tiff or old/") from None
    return pattern


def check_roi(roi: Box | str | None) -> Box | str | None:
    """Refuse an ROI that the library would refuse, before any work."""
    if roi is not None:
        try:
            parse_roi(roi)
        except shapely.errors.GEOSException as error:
            raise ValueError(
                f"{roi!r} is not WKT: {error}; write such as 'POLYGON ((0 0, 512 0, 0 512, 0 0))'"
            ) from None
        except RoiError as error:
            raise ValueError(str(error)) from None
    return roi


def parse_roi(roi: Box | str) -> Roi:
    """Parse a box or WKT into the region of interest."""
    if isinstance(roi, str):
        return Roi(shapely.from_wkt(roi))
    minx, miny, maxx, maxy = roi
    if not (minx < maxx and miny < maxy):
        raise RoiError(f"the box {list(roi)} has no area; give [minx, miny, maxx, maxy] with min < max")
    return Roi(shapely.box(minx, miny, maxx, maxy))


def _column_name(name: str) -> str:
    if not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", name) or keyword.iskeyword(name):
        raise ValueError(
            f"{name!r} cannot name a column; use letters, digits and _, no digit first, and no Python keyword"
        )
    return name


def _overlay_value(value: Any) -> str:
    """Normalise an overlay value to its key in the overlap map.

    Raises:
        ValueError: It is neither a number nor numbers separated by commas.
    """
    try:
        return normalise_value(value)
    except ValueError:
        raise ValueError(f"found {value!r}; give a number such as 255, or a colour such as '255,0,0'") from None


PathText = Annotated[str, Field(min_length=1), AfterValidator(refuse_nul), AfterValidator(os.path.expanduser)]

ExcludePattern = Annotated[
    str,
    Field(min_length=1),
    AfterValidator(refuse_nul),
    AfterValidator(os.path.expanduser),
    AfterValidator(check_exclude),
]

ColumnName = Annotated[str, AfterValidator(_column_name)]

Number = Annotated[float, BeforeValidator(refuse_bool)]

Pixels = Annotated[int, Field(gt=0), BeforeValidator(refuse_bool)]  # in this order the JSON schema keeps the limit

PixelPair = Annotated[
    Pixels | tuple[Pixels, Pixels], expecting("a whole number of pixels > 0, or two of them as [x, y]")
]

MppValue = Annotated[float, Field(gt=0), BeforeValidator(refuse_bool)]

OverlayValues = Annotated[
    list[Annotated[int | float | str, BeforeValidator(_overlay_value)]],
    Field(min_length=1),
    BeforeValidator(lambda values: values if isinstance(values, list | tuple) else [values]),
]
