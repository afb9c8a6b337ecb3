"""Metric math: arithmetic, comparisons, IF, FILL, and the statistics over several metrics or over one.

A series is the values of a metric, one a period, the latest first; None where nothing was published.
Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Series = tuple[float | None, ...]
Value = Series | float | list[Series]
"""What a part of an expression comes to: a series, a scalar, or an array of series."""


class Unplayed(ValueError):
    """An expression that is none, or that is not played."""


_BINARY: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_COMPARISONS: Mapping[type[ast.cmpop], Callable[[float, float], bool]] = {
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_EACH: Mapping[str, Callable[[float], float]] = {"ABS": abs, "CEIL": math.ceil, "FLOOR": math.floor}
_ACROSS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "AVG": lambda values: sum(values) / len(values),
    "MAX": max,
    "MIN": min,
    "SUM": sum,
}
_WORDS = re.compile(r"\b(AND|OR)\b|&&|\|\||\^")
_PYTHON = {"AND": " and ", "&&": " and ", "OR": " or ", "||": " or ", "^": "**"}


def evaluate(expression: str, series: Mapping[str, Series]) -> Series:
    """Return the series of an expression over others. Raises Unplayed."""
    length = max((len(values) for values in series.values()), default=1)
    value = _Evaluation(series, length).value(_parse(expression))
    if isinstance(value, list):
        raise Unplayed(f"The expression {expression} returns several time series, and an alarm watches one")
    return value if isinstance(value, tuple) else (value,) * length


def names(expression: str) -> set[str]:
    """Return the ids that an expression reads. Raises Unplayed."""
    tree = _parse(expression)
    functions = {
        node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - functions - {"REPEAT"}


def _parse(expression: str) -> ast.expr:
    text = _WORDS.sub(lambda match: _PYTHON[match[0]], expression)
    try:
        return ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        raise Unplayed(f"The expression {expression} is not understood: {error.msg}") from error


@dataclass(frozen=True, slots=True)
class _Evaluation:
    """The series that an expression reads, and how many values each has."""

    series: Mapping[str, Series]
    length: int

    def value(self, node: ast.expr) -> Value:
        match node:
            case ast.Constant(value=int() | float() as number):
                return float(number)
            case ast.Name(id=name) if name in self.series:
                return self.series[name]
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return self._each(lambda number: -number, self.value(operand))
            case ast.BinOp(op=operation) if type(operation) in _BINARY:
                return self._both(_BINARY[type(operation)], self.value(node.left), self.value(node.right))
            case ast.Compare(ops=[comparison], comparators=[right]) if type(comparison) in _COMPARISONS:
                compare = _COMPARISONS[type(comparison)]
                return self._both(lambda a, b: float(compare(a, b)), self.value(node.left), self.value(right))
            case ast.BoolOp(op=operation, values=[first, *others]):
                decide = all if isinstance(operation, ast.And) else any
                value = self.value(first)
                for other in others:
                    value = self._both(lambda a, b: float(decide((a, b))), value, self.value(other))
                return value
            case ast.List(elts=elements):
                return [self._series(self.value(element)) for element in elements]
            case ast.Call(func=ast.Name(id=name), args=arguments):
                return self._call(name, arguments)
        raise Unplayed(f"The embedded AWS does not play {ast.unparse(node)} of metric math")

    def _call(self, name: str, arguments: list[ast.expr]) -> Value:
        match name, arguments:
            case "IF", [condition, *choices] if len(choices) in {1, 2}:
                return self._choose(self.value(condition), *map(self.value, choices))
            case "FILL", [metric, ast.Name(id="REPEAT")]:
                return _repeat(self._series(self.value(metric)))
            case "FILL", [metric, filler]:
                filled, values = self._series(self.value(filler)), self._series(self.value(metric))
                return tuple(b if a is None else a for a, b in zip(values, filled, strict=True))
            case "METRICS", []:
                return list(self.series.values())
            case _, [argument] if name in _EACH:
                return self._each(_EACH[name], self.value(argument))
            case _, [argument] if name in _ACROSS:
                return self._across(_ACROSS[name], self.value(argument))
        raise Unplayed(f"The embedded AWS does not play the function {name} of metric math")

    def _series(self, value: Value) -> Series:
        if isinstance(value, list):
            raise Unplayed("An array of time series stands where one is wanted")
        return value if isinstance(value, tuple) else (value,) * self.length

    def _each(self, function: Callable[[float], float], value: Value) -> Value:
        if isinstance(value, float):
            return function(value)
        return tuple(None if number is None else function(number) for number in self._series(value))

    def _both(self, function: Callable[[float, float], float], left: Value, right: Value) -> Value:
        if isinstance(left, float) and isinstance(right, float):
            return function(left, right)
        pairs = zip(self._series(left), self._series(right), strict=True)
        return tuple(None if a is None or b is None else _finite(function, a, b) for a, b in pairs)

    def _choose(self, condition: Value, chosen: Value, other: Value | None = None) -> Value:
        otherwise: Series = (None,) * self.length if other is None else self._series(other)
        triples = zip(self._series(condition), self._series(chosen), otherwise, strict=True)
        return tuple(None if is_so is None else then if is_so else otherwise for is_so, then, otherwise in triples)

    def _across(self, function: Callable[[Sequence[float]], float], value: Value) -> Value:
        if isinstance(value, list):
            columns = zip(*value, strict=True)
            return tuple(function(present) if (present := _present(column)) else None for column in columns)
        present = _present(self._series(value))
        return function(present) if present else (None,) * self.length


def _finite(function: Callable[[float, float], float], left: float, right: float) -> float | None:
    try:
        return function(left, right)
    except ZeroDivisionError:
        return None


def _present(values: Sequence[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _repeat(series: Series) -> Series:
    """Return a series with the last value before it where one is missing."""
    filled: list[float | None] = []
    last: float | None = None
    for value in reversed(series):
        last = last if value is None else value
        filled.append(last)
    return tuple(reversed(filled))
