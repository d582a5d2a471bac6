"""A comparison with a number, as it is for stored integers and for stored floats."""

from __future__ import annotations

from math import floor
from sys import float_info
from typing import NamedTuple

from agentorm.storable import storable_float, storable_integer

_BEYOND = 10**20  # no integer of 64 bits is there
_NEVER = {"=": "<", "!=": ">="}
_BELOW = {"<": "<=", "<=": "<=", ">": ">", ">=": ">"}
_ABOVE = {"<": "<", "<=": "<", ">": ">=", ">=": ">="}


class Bounds(NamedTuple):
    """An operator and a bound for integers, and the same for floats: exact in both."""

    whole_op: str
    whole: int
    real_op: str
    real: float


def storable_number(number: float) -> float:
    """The number, if every engine can hold it.

    Raises:
        InvalidValue: an integer beyond 64 bits, NaN or an infinity.
    """
    if isinstance(number, int):
        return storable_integer(int(number))
    return storable_float(number)


def bounds(op: str, number: float) -> Bounds:
    """What compares stored numbers with this one, of which only one type may be exact.

    Args:
        op: how SQL spells the comparison.
        number: an integer of 64 bits or a finite float.
    """
    if isinstance(number, int):
        return Bounds(op, number, *_for_floats(op, number))
    return Bounds(*_for_integers(op, number), op, number)


def _for_integers(op: str, number: float) -> tuple[str, int]:
    if number.is_integer():
        return op, max(-_BEYOND, min(int(number), _BEYOND))
    return (op, _BEYOND) if op in _NEVER else (_BELOW[op], max(-_BEYOND, floor(number)))


def _for_floats(op: str, number: int) -> tuple[str, float]:
    near = float(number)
    if int(near) == number:
        return op, near
    if op in _NEVER:
        return _NEVER[op], -float_info.max
    return (_ABOVE if near > number else _BELOW)[op], near
