"""Field types of the configuration, with the checks behind them."""

import keyword
import os
import re
from functools import lru_cache
from typing import Annotated, Any

import shapely
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
)

from flows.config.excerpt import excerpt
from flows.config.numbers import is_decimal
from flows.config.uri import check_input, refuse_uri
from ratiopath.counting.ranges import ValueRange, is_range
from ratiopath.counting.values import normalise_value
from ratiopath.counting.wanted import LabelPattern
from ratiopath.errors import ParameterError, RoiError
from ratiopath.roi import Roi
from ratiopath.slides.paths import check_pattern
from ratiopath.statistics.statistic import MAX_NAME as MAX_STATISTIC
from ratiopath.statistics.statistic import MAX_STATISTICS, parse_statistics

MAX_PATH = 4096
"""Characters of a path, as on Linux."""
MAX_NAME = 128
"""Characters of the name of an overlay or a class."""
MAX_PATTERN = 1000
"""Characters of a pattern of `exclude`."""
MAX_RECURSIONS = 4
"""Uses of ** in a glob."""
MAX_PIXELS = 1 << 30
"""Width and height of a tile, and its stride."""
MAX_LEVEL = 1000
"""Index of a level."""
MAX_VALUE = 256
"""Characters of an overlay value."""
MAX_LABELS = 1000
"""Labels in a list."""
MAX_BITS = 64
"""Bits of a whole number that a file can store."""
_MISTYPED = re.compile(r"[+-]?\d[\d_\s.,]*(e[+-]?\d*)?|0[xb].*", re.IGNORECASE)
"""Texts that are meant as numbers, such as 1_000 or 0x1; the Gleason pattern 3+4 is none."""
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
        raise ValueError(f"found {excerpt(value)}; give {wanted}")

    return WrapValidator(check)


def plain_number(value: Any) -> Any:
    """Refuse what pydantic would read as a number but nobody writes as one: true as 1, "0_5" as 5, "nan".

    Raises:
        ValueError: The value is a Boolean, or a text that is not a plain decimal number.
    """
    if isinstance(value, bool) or (isinstance(value, str) and not is_decimal(value.strip())):
        raise ValueError(f"found {excerpt(value)}; give a number such as 1 or 0.5")
    return value.strip() if isinstance(value, str) else value


def refuse_nul(value: str) -> str:
    """Refuse a NUL character, which no file system accepts in a path."""
    if "\0" in value:
        raise ValueError(f"{excerpt(value)} contains a NUL character; remove it")
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
    plain_number(value)
    if (isinstance(value, float) and value == 1) or (
        isinstance(value, str) and "." in value and is_decimal(value) and float(value) == 1
    ):
        raise ValueError(f"found {excerpt(value)}")
    return value


def check_entries(slides: str | list[str]) -> str | list[str]:
    """Refuse entries of `slides` that may hold a credential, and a glob that would walk the folders again and again."""
    for entry in [slides] if isinstance(slides, str) else slides:
        check_input(entry)
        if entry.count("**") > MAX_RECURSIONS:
            raise ValueError(f"{excerpt(entry)} has ** more than {MAX_RECURSIONS} times; use one")
    return slides


def check_roi(roi: Box | str | None) -> Box | str | None:
    """Refuse an ROI that the library would refuse, before any work."""
    if roi is not None:
        try:
            parse_roi(roi)
        except shapely.errors.GEOSException as error:
            shown = excerpt(roi)
            reason = f": {error}" if shown.startswith("'") else ""  # GEOS repeats a text that is not to be shown
            raise ValueError(
                f"{shown} is not WKT{reason}; write such as 'POLYGON ((0 0, 512 0, 0 512, 0 0))'"
            ) from None
        except RoiError as error:
            raise ValueError(str(error)) from None
    return roi


@lru_cache(maxsize=64)
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
            f"{excerpt(name)} cannot name a column; use letters, digits and _, no digit first, and no Python keyword"
        )
    return name


def _overlay_value(value: Any) -> Any:
    """Normalise a number to its key in the overlap map; strip a label, and pass a pattern on.

    Raises:
        ValueError: It is neither a number, nor numbers separated by commas, nor a range, nor a label, nor a pattern.
    """
    wanted = (
        "a number such as 255, a range such as '128..255' or '>0', a colour such as '255,0,0', or a label such as Tumor"
    )
    if isinstance(value, dict):
        return _label_pattern(value)
    if isinstance(value, LabelPattern):
        return value
    is_short = isinstance(value, float) or (isinstance(value, str) and len(value) <= MAX_VALUE)
    if not (is_short or (isinstance(value, int) and value.bit_length() <= MAX_BITS)):
        raise ValueError(f"found {excerpt(value)}; give {wanted}")
    if isinstance(value, str) and is_range(value):
        return _value_range(value)
    try:
        return normalise_value(value)
    except ValueError:
        text = str(value).strip()
        if not isinstance(value, str) or not text or not text.isprintable() or _MISTYPED.fullmatch(text):
            raise ValueError(f"found {excerpt(value)}; give {wanted}") from None
        return refuse_uri(text)


def _value_range(text: str) -> str:
    """Normalise a range of values.

    Raises:
        ValueError: It is none.
    """
    try:
        return str(ValueRange.parse(text))
    except ParameterError:
        forms = "'128..255' (from the smaller to the larger number), '>0', '>=0.5', '<10' or '<=3'"
        label = "a label that looks like one as {match: regex}"
        raise ValueError(f"found {excerpt(text)}, which is no range of values; give {forms}, and {label}") from None


def _label_pattern(value: dict[str, Any]) -> LabelPattern:
    """Read `{match: regex}`.

    Raises:
        ValueError: It is something else, or no expression of RE2.
    """
    text = value.get("match")
    if value.keys() != {"match"} or not isinstance(text, str) or not 0 < len(text) <= MAX_VALUE:
        raise ValueError(f"found {excerpt(value)}; give {{match: regex}}, such as {{match: 'Tumou?r.*'}}")
    return LabelPattern(refuse_uri(text))


def _canonical_statistics(texts: list[str]) -> list[str]:
    """Write each statistic in its only form.

    Raises:
        ValueError: One is none, or two are the same.
    """
    return [str(one) for one in parse_statistics(texts)] if texts else []


def _no_range(value: Any) -> Any:
    """Refuse a range where labels are named."""
    if isinstance(value, str) and is_range(value):
        raise ValueError(
            f"found {excerpt(value)}, a range of values; give labels of an annotation, or {{match: regex}} for one that"
            " looks like a range"
        )
    return value


def _as_list(values: Any) -> Any:
    return values if isinstance(values, list | tuple) else [values]


PathText = Annotated[
    str, Field(min_length=1, max_length=MAX_PATH), AfterValidator(refuse_nul), AfterValidator(os.path.expanduser)
]

ExcludePattern = Annotated[
    str,
    Field(min_length=1, max_length=MAX_PATTERN),
    AfterValidator(refuse_nul),
    AfterValidator(os.path.expanduser),
    AfterValidator(refuse_uri),
    AfterValidator(check_pattern),
]

ColumnName = Annotated[str, Field(max_length=MAX_NAME), AfterValidator(_column_name)]

Number = Annotated[float, BeforeValidator(plain_number)]

# the limits come first, so that the JSON schema keeps them
Pixels = Annotated[int, Field(gt=0, le=MAX_PIXELS), BeforeValidator(plain_number)]

PixelPair = Annotated[
    Pixels | tuple[Pixels, Pixels], expecting("a whole number of pixels > 0, or two of them as [x, y]")
]

RoiValue = Annotated[
    tuple[Number, Number, Number, Number] | str | None,
    expecting("null, [minx, miny, maxx, maxy] or WKT"),
    AfterValidator(check_roi),
]

LevelIndex = Annotated[int, Field(ge=0, le=MAX_LEVEL), BeforeValidator(plain_number)]

MppValue = Annotated[float, Field(gt=0), BeforeValidator(plain_number)]

PATTERN_SCHEMA = {
    "type": "object",
    "description": "regular expression that a whole label matches, such as {match: 'Tumou?r.*'}",
    "properties": {"match": {"type": "string", "description": "expression of RE2"}},
    "required": ["match"],
    "additionalProperties": False,
}

OverlayValue = Annotated[
    int | float | str | Annotated[LabelPattern, WithJsonSchema(PATTERN_SCHEMA)], BeforeValidator(_overlay_value)
]

OverlayValues = Annotated[list[OverlayValue], Field(min_length=1), BeforeValidator(_as_list)]

StatisticList = Annotated[
    list[Annotated[str, Field(max_length=MAX_STATISTIC)]],
    Field(max_length=MAX_STATISTICS),
    BeforeValidator(_as_list),
    AfterValidator(_canonical_statistics),
]

LabelList = Annotated[
    list[Annotated[OverlayValue, BeforeValidator(_no_range)]], Field(max_length=MAX_LABELS), BeforeValidator(_as_list)
]
