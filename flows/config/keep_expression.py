"""Filter expression `keep` over columns of tiles: parsed into an Arrow expression, never evaluated as Python."""

import ast
import math
import operator
import warnings
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from flows.config.excerpt import excerpt, first_of

MAX_LENGTH = 1000
"""Characters in an expression."""
MAX_NAMES = 30
"""Classes that a message names."""
MAX_DEPTH = 100
"""Nesting depth of an expression; `a + b + c` is nested two deep."""
_REMEDY = "use class names, numbers, < <= > >= == !=, and, or, not, + - * / and parentheses"
_PANDAS_OPERATORS: dict[type[ast.AST], tuple[str, str]] = {
    ast.BitAnd: ("&", "and"),
    ast.BitOr: ("|", "or"),
    ast.Invert: ("~", "not"),
}
"""Operators of pandas filters, each with the word to write instead."""
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}


def _quotient(dividend: pc.Expression, divisor: pc.Expression) -> pc.Expression:
    """Divide; a quotient by zero is null, as nothing is known about it."""
    return pc.divide(dividend, pc.if_else(divisor == 0.0, pc.scalar(pa.scalar(None, pa.float64())), divisor))


Range = tuple[float, float]
"""Smallest and largest value that a number can have."""


def _product(a: Range, b: Range) -> Range:
    ends = [0.0 if 0.0 in {x, y} else x * y for x in a for y in b]
    return min(ends), max(ends)


def _quotient_range(a: Range, b: Range) -> Range:
    return (-math.inf, math.inf) if b[0] <= 0 <= b[1] else _product(a, (1 / b[1], 1 / b[0]))


SLACK = 1e-9
"""Distance of a constant from a range that may be rounding."""
_ARITHMETIC: dict[type[ast.operator], tuple[Callable[[Any, Any], Any], Callable[[Range, Range], Range]]] = {
    ast.Add: (pc.add, lambda a, b: (a[0] + b[0], a[1] + b[1])),
    ast.Sub: (pc.subtract, lambda a, b: (a[0] - b[1], a[1] - b[0])),
    ast.Mult: (pc.multiply, _product),
    ast.Div: (_quotient, _quotient_range),
}
"""Each operator of numbers: its result, and the range of that."""


@dataclass(frozen=True, slots=True)
class KeepNames:
    """Columns that an expression may name, by what can be done with them; of unknown kind, in several."""

    shares: frozenset[str] = frozenset()
    """Numbers from 0 to 1."""
    numbers: frozenset[str] = frozenset()
    """Other numbers."""
    texts: frozenset[str] = frozenset()
    """Texts, compared with a text in quotes by == and !=."""
    flags: frozenset[str] = frozenset()
    """True or false."""
    refused: frozenset[str] = frozenset()
    """Texts that name a class, for which the classes themselves are compared."""

    @property
    def every(self) -> frozenset[str]:
        """All names but the refused ones."""
        return self.shares | self.numbers | self.texts | self.flags


def keep_expression(text: str, names: KeepNames) -> pc.Expression:
    """Parse a condition on tiles.

    A comparison with null is null, and `and`, `or`, `not` follow Kleene's logic (null or true is true). A filter keeps
    a row only where the expression is true, so a tile whose class is null is not kept by a comparison.

    Args:
        text: An expression such as `tissue >= 0.5 and not 0.1 < tumor + necrosis < 0.3 and fold != 2 or label == 'a'`.
        names: Names that it may use.

    Returns:
        An Arrow expression of type bool.

    Raises:
        ValueError: The text is not such an expression; the message names the remedy.
    """
    line, tree = _checked_tree(text, names)
    return _Translator(line, names).boolean(tree)


@dataclass(frozen=True, slots=True)
class Part:
    """A condition that `and` joins with others; a tile is kept exactly if each of them is true."""

    text: str
    """The condition as it was written, without parentheses around it."""
    expression: pc.Expression
    """Arrow expression of type bool."""
    names: tuple[str, ...]
    """Columns that it names, sorted."""


def keep_parts(text: str, names: KeepNames) -> tuple[Part, ...]:
    """Split a condition on tiles at each `and` that stands in no `or` and no `not`.

    A chain such as `0.1 < tumor < 0.3` is one part. The arguments and errors are those of `keep_expression`.
    """
    line, tree = _checked_tree(text, names)
    translator = _Translator(line, names)
    return tuple(
        Part(
            translator.source(node),
            translator.boolean(node),
            tuple(sorted({one.id for one in ast.walk(node) if isinstance(one, ast.Name)})),
        )
        for node in _joined_by_and(tree)
    )


def _joined_by_and(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And):
        for value in node.values:
            yield from _joined_by_and(value)
    else:
        yield node


def _checked_tree(text: str, names: KeepNames) -> tuple[str, ast.expr]:
    """Parse a text as one line; refuse what is not looked at when it is translated."""
    if len(text) > MAX_LENGTH:
        raise ValueError(f"the expression has {len(text)} characters, more than {MAX_LENGTH}; shorten it")
    has_texts = "'" in text or '"' in text  # blanks in them count
    line = " ".join(map(str.strip, text.splitlines())) if has_texts else " ".join(text.split())
    if "#" in line:  # Python would skip the rest, and with it all that stood in lines below
        raise ValueError(f"{excerpt(line)} has a '#', but comments are not supported; {_REMEDY}")
    tree = _parse(line)
    for node in ast.walk(tree):
        if type(node) in _PANDAS_OPERATORS:
            found, word = _PANDAS_OPERATORS[type(node)]
            raise ValueError(f"{found!r} is not supported; write {word!r}")
    if not any(isinstance(node, ast.Name) for node in ast.walk(tree)):
        raise ValueError(f"{excerpt(line)} names no class; {_known(names.every)}, or give null to keep all tiles")
    return line, tree


def _parse(line: str) -> ast.expr:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # "0.5and" is only warned about
            tree = ast.parse(line, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        if "%" in line:
            found = f"{excerpt(line)} has a '%', which is not supported"
            raise ValueError(f"{found}; shares are 0 to 1: write 0.5 for 50 %") from None
        reason = error.msg if isinstance(error, SyntaxError) else str(error)
        raise ValueError(f"{excerpt(line)} is not an expression: {reason}; {_REMEDY}") from None
    level: list[ast.AST] = [tree]
    for _ in range(2 * MAX_DEPTH):  # one nesting is two levels of Python's tree: the node and its operator or context
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return tree
    raise ValueError(f"the expression is nested more than {MAX_DEPTH} deep; simplify it")


class _Translator:
    """Translator of one expression's tree into Arrow."""

    def __init__(self, line: str, names: KeepNames) -> None:
        self.line = line
        self.names = names

    def boolean(self, node: ast.expr) -> pc.Expression:
        match node:
            case ast.BoolOp(op, values):
                parts = [self.boolean(value) for value in values]
                return reduce(operator.and_ if isinstance(op, ast.And) else operator.or_, parts)
            case ast.UnaryOp(ast.Not(), operand):
                return ~self.boolean(operand)
            case ast.Name(name) if name in self.names.flags:
                return pc.field(name)
            case ast.Compare(left, [op], [right]) if self.is_text(left) or self.is_text(right):
                return self.text_comparison(left, op, right)
            case ast.Compare(left, operators, others):
                sides = [(node, *self.number(node)) for node in (left, *others)]
                pairs = list(zip(pairwise(sides), operators, strict=True))
                compared = [self.comparison(comparison)(a, b) for ((_, a, _), (_, b, _)), comparison in pairs]
                for ((one, _, one_range), (other, _, other_range)), comparison in pairs:
                    self.refuse_decided(one, one_range, comparison, other, other_range)
                return reduce(operator.and_, compared)
            case ast.Tuple():
                raise ValueError(f"{excerpt(self.source(node))} has a comma; write decimals with a point, such as 0.5")
        source = self.source(node)
        example = f"{source} >= 0.5" if source.isidentifier() else "tumor >= 0.5"
        if source in self.names.texts - self.names.numbers:
            example = f"{source} == 'true'"
        raise ValueError(f"{excerpt(source)} is neither true nor false; compare it, such as {example}; {_REMEDY}")

    def number(self, node: ast.expr) -> tuple[pc.Expression, Range]:
        """Translate a number; its range is 0 to 1 for a share."""
        match node:
            case ast.Name(name):
                if name in self.names.refused:
                    raise ValueError(f"{excerpt(name)} is a column of names; compare classes, such as tumor > stroma")
                if name not in self.names.every:
                    raise ValueError(f"unknown column {excerpt(name)}; {_known(self.names.every)}")
                if name not in self.names.shares | self.names.numbers:
                    example = f"{name} == 'a'" if name in self.names.texts else f"{name} or not {name}"
                    raise ValueError(f"{excerpt(name)} is a column of the manifest and no number; write {example}")
                return pc.field(name), (0.0, 1.0) if name in self.names.shares else (-math.inf, math.inf)
            case ast.Constant(value) if isinstance(value, int | float) and not isinstance(value, bool):
                number = self.finite(value)
                return pc.scalar(number), (number, number)
            case ast.UnaryOp(ast.USub(), operand):
                negated, (low, high) = self.number(operand)
                return pc.negate(negated), (-high, -low)
            case ast.UnaryOp(ast.UAdd(), operand):
                return self.number(operand)
            case ast.BinOp(left, op, right) if type(op) in _ARITHMETIC:
                (a, a_range), (b, b_range) = self.number(left), self.number(right)
                compute, range_of = _ARITHMETIC[type(op)]
                return compute(a, b), range_of(a_range, b_range)
        raise ValueError(f"{excerpt(self.source(node))} is not a number; {_REMEDY}")

    def is_text(self, node: ast.expr) -> bool:
        """Return True for a text in quotes, and for a column that can be nothing else."""
        is_constant = isinstance(node, ast.Constant) and isinstance(node.value, str)
        numeric = self.names.numbers | self.names.flags
        return is_constant or (isinstance(node, ast.Name) and node.id in self.names.texts - numeric)

    def text_comparison(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> pc.Expression:
        """Translate the comparison of a column of text with a text, or with another such column."""
        if type(op) not in {ast.Eq, ast.NotEq}:
            raise ValueError(f"{excerpt(self.line)} orders texts; compare them with == or !=")
        sides = [self.text(side) for side in (left, right)]
        return self.comparison(op)(*sides)

    def text(self, node: ast.expr) -> pc.Expression:
        match node:
            case ast.Constant(value) if isinstance(value, str):
                return pc.scalar(value)
            case ast.Name(name) if name in self.names.texts:
                return pc.field(name)
            case ast.Name(name) if name not in self.names.every | self.names.refused:
                raise ValueError(f"unknown column {excerpt(name)}; {_known(self.names.every)}")
        problem = f"{excerpt(self.source(node))} is no column of text, but is compared with one"
        raise ValueError(f"{problem}; only columns of the manifest are compared with a text in quotes")

    def refuse_decided(self, left: ast.expr, a: Range, op: ast.cmpop, right: ast.expr, b: Range) -> None:
        """Refuse a comparison of numbers whose ranges do not meet, such as a share and 50: it decides nothing."""
        has_class = any(isinstance(node, ast.Name) for side in (left, right) for node in ast.walk(side))
        is_never = (isinstance(op, ast.Gt) and a[1] <= b[0]) or (isinstance(op, ast.Lt) and a[0] >= b[1])
        if has_class and (is_never or a[1] < b[0] - SLACK or b[1] < a[0] - SLACK):
            raise ValueError(
                f"{excerpt(self.source(left))} and {excerpt(self.source(right))} compare alike in every tile: shares "
                "are 0 to 1; write 0.5 for 50 %"
            )

    def comparison(self, op: ast.cmpop) -> Callable[[Any, Any], Any]:
        if type(op) not in _COMPARISONS:
            raise ValueError(f"unknown comparison {type(op).__name__!r} in {excerpt(self.line)}; {_REMEDY}")
        return _COMPARISONS[type(op)]

    def finite(self, value: float) -> float:
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise ValueError(f"a number in {excerpt(self.line)} is too large; classes lie between 0 and 1")
        return number

    def source(self, node: ast.expr) -> str:
        return ast.get_source_segment(self.line, node) or self.line


def _known(columns: Collection[str]) -> str:
    if not columns:
        return "name classes under overlays.NAME.classes"
    return f"the columns are {first_of(sorted(columns), MAX_NAMES)}"
