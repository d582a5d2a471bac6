"""What a server of MySQL's or MariaDB's kind can compute, asked of the server itself."""

from __future__ import annotations

from math import isclose
from typing import Any

from agentorm.vectors import Metric, Vector

_FUNCTION = "DISTANCE({{column}}, {{vector}}, '{name}')"
_NAMES = {Metric.COSINE: "COSINE", Metric.L2: "EUCLIDEAN", Metric.INNER_PRODUCT: "DOT"}
_A, _B = Vector([1, 2]).tobytes().hex(), Vector([3, 1]).tobytes().hex()
_DISTANCES = {
    Metric.COSINE: 1 - 5 / 50**0.5,
    Metric.L2: 5**0.5,
    Metric.INNER_PRODUCT: -5.0,
}
_NOT_THERE = frozenset({1193, 1210, 1305, 1318, 1370, 1582, 1583, 1630})
_TOLERANCE = 1e-6


def answer(connection: Any, question: str, *, trusted: bool = True) -> tuple[Any, ...] | None:
    """The first row; None when the server has no such function or variable, or not with these.

    One that is not trusted to be what its name says may be refused for any reason.
    """
    cursor = connection.cursor()
    try:
        cursor.execute(question)
        row: tuple[Any, ...] | None = cursor.fetchone()
        return row
    except Exception as error:
        code = error.args[0] if error.args else None
        if code in _NOT_THERE or (not trusted and isinstance(code, int)):
            return None
        raise
    finally:
        cursor.close()


def distance_templates(connection: Any) -> dict[Metric, str]:
    """How HeatWave's and Percona's function is called, for each metric it computes as we mean it.

    Which sign it gives the inner product is found out by asking.
    """
    found: dict[Metric, str] = {}
    for metric, name in _NAMES.items():
        called = _FUNCTION.format(name=name)
        for template in (called, f"(-{called})"):
            asked = template.format(column=f"X'{_A}'", vector=f"X'{_B}'")
            row = answer(connection, f"SELECT {asked}", trusted=False)
            if row is None:
                return found
            if row[0] is not None and isclose(row[0], _DISTANCES[metric], abs_tol=_TOLERANCE):
                found[metric] = template
                break
    return found
