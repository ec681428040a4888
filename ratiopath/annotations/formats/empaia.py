"""JSON of the EMPAIA annotation service."""

from collections.abc import Iterator

import msgspec

from ratiopath.annotations.formats.json_text import MAX_DEPTH, decode, is_list, too_deep
from ratiopath.annotations.outlines import Outlines, ReadOptions
from ratiopath.errors import TruncatedError

_Pair = tuple[float, float]


class _Item(msgspec.Struct):
    type: str = ""
    name: str | None = None
    items: list[msgspec.Raw] | None = None
    coordinates: msgspec.Raw = msgspec.Raw(b"")
    upper_left: _Pair | None = None
    width: float | None = None
    height: float | None = None
    center: _Pair | None = None
    radius: float | None = None


def read_empaia(content: bytes, outlines: Outlines, options: ReadOptions) -> None:  # noqa: ARG001 - as all readers
    """Add the areas of EMPAIA annotations, in px of the base level; collections are walked.

    Raises:
        TruncatedError: It is no such JSON.
    """
    number = 0
    stack = [_inside(msgspec.Raw(content), outlines.path)]
    while stack:
        item = next(stack[-1], None)
        if item is None:
            stack.pop()
        elif item.items is not None:
            if len(stack) > MAX_DEPTH:
                raise too_deep(outlines.path)
            stack.append(decode(raw, _Item, outlines.path, f"item {number}") for raw in item.items)
        else:
            number += 1
            _add(item, number, outlines)


def _inside(raw: msgspec.Raw, path: str) -> Iterator[_Item]:
    if is_list(raw):
        return iter(decode(raw, list[_Item], path))
    return iter([decode(raw, _Item, path)])


def _add(item: _Item, number: int, outlines: Outlines) -> None:
    name = f"item {number}"
    if item.type == "polygon":
        outlines.add(item.name, [decode(item.coordinates, list[_Pair], outlines.path, name)])
    elif item.type == "rectangle" and item.upper_left and item.width is not None and item.height is not None:
        x, y = item.upper_left
        outlines.add_box(item.name, [(x, y), (x + item.width, y + item.height)])
    elif item.type == "circle" and item.center and item.radius is not None:
        x, y = item.center
        corners = [(x - item.radius, y - item.radius), (x + item.radius, y + item.radius)]
        outlines.add_ellipse(item.name, corners)
    elif item.type in ("point", "line", "arrow"):
        outlines.ignore(item.type)
    else:
        problem = f"{outlines.path!r} has an item (number {number}) of type {item.type!r}, unknown or without its sizes"
        raise TruncatedError(problem, path=outlines.path, hint="correct the file, or export it again")
