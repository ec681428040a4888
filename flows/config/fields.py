"""TODO."""

import keyword
import math
import os
import re
from typing import Annotated, Any

import shapely
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from flows.config.uri import refuse_uri
from ratiopath.errors import RoiError
from ratiopath.roi import Roi


def expecting(what: str) -> WrapValidator:
    """Whatever is wrong inside a union becomes one problem that says what is expected."""

    def check(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        try:
            if not isinstance(value, bool):  # which pydantic would take for 0 and 1
                return handler(value)
        except ValidationError:
            pass
        raise ValueError(f"found {value!r}; give {what}")

    return WrapValidator(check)


def refuse_bool(value: Any) -> Any:
    """A number that is asked for is not true or false, which pydantic would take for 1 and 0."""
    if isinstance(value, bool):
        raise ValueError(f"found {value!r}; give a number such as 1 or 0.5")  # noqa: TRY004 - what pydantic collects
    return value


def refuse_nul(value: str) -> str:
    if "\0" in value:
        raise ValueError(f"a path has no NUL character, found {value!r}; remove it")
    return value


def refuse_yaml_bool(named: Any) -> Any:
    """What is given by name, if YAML has not taken a name for a truth value."""
    for name in named if isinstance(named, dict) else ():
        if isinstance(name, bool):
            remedy = "put it in quotes: YAML takes yes, no, on, off, true and false for a truth value"
            raise ValueError(f"{name!r} is no name; {remedy}")  # noqa: TRY004 - what pydantic collects
    return named


def refuse_ambiguous_one(value: Any) -> Any:
    """1.0 could mean one slide, or all of them."""
    if (isinstance(value, float) and value == 1) or (isinstance(value, str) and "." in value and float(value) == 1):
        raise ValueError(f"found {value!r}")
    return value


def require_file_system(slides: str | list[str]) -> str | list[str]:
    for entry in [slides] if isinstance(slides, str) else slides:
        refuse_uri(entry)
    return slides


def _column_name(name: str) -> str:
    if not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", name) or keyword.iskeyword(name):
        raise ValueError(
            f"{name!r} names a column; use letters, digits and _, not first a digit, and no word of Python"
        )
    return name


def _overlay_value(value: Any) -> str:
    """The name of an overlay value: true and 1.0 are "1", the grey colour "7,7,7" is "7".

    Raises:
        ValueError: It is neither a finite number nor numbers separated by commas.
    """
    parts = value.split(",") if isinstance(value, str) else [value]
    try:
        numbers = [float(part) for part in parts]
        names = [str(int(n)) if n.is_integer() else str(n) for n in numbers if math.isfinite(n)]
    except (TypeError, ValueError):
        names = []
    if len(names) != len(parts):
        raise ValueError(f"found {value!r}; give a number such as 255, or a colour such as '255,0,0'")
    return names[0] if len(set(names)) == 1 else ",".join(names)


def check_roi(roi: tuple[float, float, float, float] | str | None) -> tuple[float, float, float, float] | str | None:
    if roi is not None:
        try:
            parse_roi(roi)
        except shapely.errors.GEOSException as error:
            raise ValueError(
                f"{roi!r} is no WKT: {error}; write such as 'POLYGON ((0 0, 512 0, 0 512, 0 0))'"
            ) from None
        except RoiError as error:
            raise ValueError(str(error)) from None
    return roi


def parse_roi(roi: tuple[float, float, float, float] | str) -> Roi:
    if isinstance(roi, str):
        shape = shapely.from_wkt(roi)
        if not isinstance(shape, shapely.Polygon | shapely.MultiPolygon):
            remedy = "write such as 'POLYGON ((0 0, 512 0, 0 512, 0 0))'"
            raise RoiError(f"the ROI is a POLYGON or MULTIPOLYGON: found {shape.geom_type.upper()}; {remedy}")
        return Roi(shape)
    minx, miny, maxx, maxy = roi
    if not (minx < maxx and miny < maxy):
        raise RoiError(f"the ROI's box has an area: found {list(roi)}; give [minx, miny, maxx, maxy] with min < max")
    return Roi(shapely.box(minx, miny, maxx, maxy))


PathText = Annotated[str, Field(min_length=1), AfterValidator(refuse_nul), AfterValidator(os.path.expanduser)]

ColumnName = Annotated[str, AfterValidator(_column_name)]

Number = Annotated[float, BeforeValidator(refuse_bool)]

Pixels = Annotated[int, Field(gt=0), BeforeValidator(refuse_bool)]  # in this order the schema knows the limit

PixelPair = Annotated[
    Pixels | tuple[Pixels, Pixels], expecting("a whole number of pixels > 0, or two of them as [x, y]")
]

Resolution = Annotated[float, Field(gt=0), BeforeValidator(refuse_bool)]

OverlayValues = Annotated[
    list[Annotated[int | float | str, BeforeValidator(_overlay_value)]],
    Field(min_length=1),
    BeforeValidator(lambda values: values if isinstance(values, list | tuple) else [values]),
]
