"""What a server of MySQL's or MariaDB's kind can compute, asked of the server itself."""

from __future__ import annotations

from dataclasses import replace
from math import isclose
from typing import Any

from agentorm.dialects.text_words import TextWords
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
_WORDS = (
    "SELECT @@innodb_ft_min_token_size, @@innodb_ft_max_token_size, @@innodb_ft_enable_stopword,"
    " COALESCE(NULLIF(@@innodb_ft_user_stopword_table, ''), @@innodb_ft_server_stopword_table)"
)
_STOP_WORDS = "SELECT GROUP_CONCAT(value SEPARATOR ' ') FROM {table}"
_USUAL_STOP_WORDS = "information_schema.innodb_ft_default_stopword"


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


def indexed_words(connection: Any, usual: TextWords) -> TextWords:
    """The words that InnoDB's full-text indexes hold here; the usual ones where it does not say."""
    found = answer(connection, _WORDS, trusted=False)
    if found is None:
        return usual
    shortest, longest, stops, place = found
    known = replace(usual, shortest=int(shortest), longest=int(longest))
    if not stops:
        return replace(known, stop_words=frozenset())
    names = (part.replace("`", "``") for part in str(place or "").split("/"))
    table = ".".join(f"`{name}`" for name in names) if place else _USUAL_STOP_WORDS
    told = answer(connection, _STOP_WORDS.format(table=table), trusted=False)
    if told is None or told[0] is None:
        return known
    return replace(known, stop_words=frozenset(str(told[0]).lower().split()))
