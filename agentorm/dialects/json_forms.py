# ruff: noqa: S608  # the SQL is of constants alone
"""How each engine writes a path into a JSON document, and what is read and asked there.

The names of a template's fragments: ``{document}`` is the column, ``{path}`` a bound path of the
engine's own spelling, ``{value}`` what lies at the path and ``{kind}`` its JSON type, NULL where
nothing is found. Every cast stands behind its ``{kind}`` in a CASE, which no planner reorders.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, TypeAlias

from sqlalchemy import Numeric, Text
from sqlalchemy.types import TypeEngine

from agentorm.errors import UnsupportedFeature

Steps: TypeAlias = Sequence[str | int]


def _quoted(steps: Steps) -> str:
    """The path as MySQL and MariaDB spell it: a key is a JSON string."""
    return "$" + "".join(
        f"[{step}]" if isinstance(step, int) else f".{json.dumps(step, ensure_ascii=False)}"
        for step in steps
    )


def _verbatim(steps: Steps) -> str:
    """The path as SQLite spells it: a key stands in quotes as it is, those without oddities."""
    return "$" + "".join(f"[{s}]" if isinstance(s, int) else f'."{s}"' for s in steps)


def _bare_dashes(steps: Steps) -> str:
    """The path as MariaDB spells it, to which a quoted key with a leading dash is nothing."""
    written = (_quoted([step])[1:] for step in steps)
    return "$" + "".join(f".{step[2:-1]}" if step.startswith('."-') else step for step in written)


def _without_dashes(steps: Steps) -> str:
    """The path as MariaDB before 11.2 spells it, for keys that it can name.

    Raises:
        UnsupportedFeature: one begins with a dash.
    """
    for step in steps:
        if isinstance(step, str) and step.startswith("-"):
            hint = "name the key without a leading dash, or use MariaDB 11.7 or later"
            raise UnsupportedFeature(f"the key {step!r}", dialect="mariadb", hint=hint)
    return _quoted(steps)


def _decimal(number: float) -> Decimal:
    return Decimal(repr(number))


@dataclass(frozen=True, kw_only=True)
class JSONForms:
    """One engine's templates.

    Attributes:
        path: writes steps as the engine's path.
        number: makes a number what the driver is given, of the type `number_type`.
        step: one step of an engine that takes them one by one, of ``{value}`` and ``{step}``.
        place: the same for a place in an array.
        at: the value at a path, of ``{document}`` and ``{path}``.
        kind: its JSON type, of those and ``{value}``.
        root: the value of the document itself.
        root_kind: its JSON type.
        is_array: whether a value is an array, where a place in another value is its own.
        selected: a value as it is read, of ``{value}``, ``{document}`` and ``{path}``.
        literal: whether an index serves only where a query spells the path out.
        dashed: the value under a ``{key}`` that no path can name.
        odd: whether keys beyond plain ASCII are looked up by name, in a table ``{name}`` each.
        odd_found: what is ``{found}`` among the entries of all ``{tables}`` under the ``{keys}``.
        odd_table: the entries of the container at a path, of ``{document}`` and ``{path}``.
        odd_key: which of them is under the ``{key}``.
        odd_inside: what is there, if it is a container.
        odd_kind: its JSON type.
        odd_value: its value.
        odd_selected: the same, as it is read.
        text: the value if it is text.
        number_value: the value if it is a number.
        integer: the same, if it has no fraction and fits into 64 bits.
        real: the same as a float.
        boolean: the value if it is a boolean.
        date_text: the value if it is text of the form YYYY-MM-DD.
        date: the same as a date, if there is such a day.
        object: the value if it is an object.
        array: the value if it is an array.
        exists: whether there is a value.
        absent: whether there is none, or null.
        null: whether it is null.
        compared: a number by ``{op}`` with ``{exact}``, or with ``{whole}`` by ``{whole_op}``
            where it is an integer and with ``{real}`` by ``{real_op}`` where it is a float.
        equal: whether a ``{container}`` is the same JSON value as the bound ``{pattern}``.
        has_all: whether a ``{container}`` holds every scalar of the bound array ``{pattern}``.
        has_any: whether it holds one of them; ``{each}`` asks for one by one.
        contains: whether a ``{container}`` holds the object ``{pattern}``; ``{each}`` asks for
            its keys one by one.
        has_all_served: the same as `has_all` of the document itself, as an index serves it: false
            where that is unknown.
        contains_served: the same of `contains`.
    """

    path: Callable[[Steps], str] = _quoted
    number: Callable[[float], object] = json.dumps
    number_type: type[TypeEngine[Any]] = Text
    step: str | None = None
    place: str | None = None
    at: str = "json_extract({document}, {path})"
    kind: str = "json_type({value})"
    root: str = "{document}"
    root_kind: str = "json_type({document})"
    is_array: str | None = None
    selected: str = "{value}"
    root_selected: str = "{value}"
    literal: bool = False
    dashed: str | None = None
    odd: bool = False
    odd_found: str = ""
    odd_table: str = ""
    odd_key: str = ""
    odd_inside: str = ""
    odd_kind: str = ""
    odd_value: str = ""
    odd_selected: str = ""
    text: str = "json_text({value})"
    number_value: str = "json_number({value})"
    integer: str = "json_integer({value})"
    real: str = "json_real({value})"
    boolean: str = "json_boolean({value})"
    date_text: str = "json_date({value})"
    date: str = "json_date({value})"
    object: str = "json_object({value})"
    array: str = "json_array({value})"
    exists: str = "({kind} IS NOT NULL)"
    absent: str = "(coalesce({kind}, 'null') = 'null')"
    null: str = "({kind} = 'null')"
    compared: str = "({number_value} {op} {exact})"
    equal: str = "({container} = {pattern})"
    has_all: str = "json_has_all({container}, {pattern})"
    has_any: str = "json_has_any({container}, {pattern})"
    contains: str = "json_contains({container}, {pattern})"
    has_all_served: str | None = None
    contains_served: str | None = None


READABLE = JSONForms()

_NUMBERS = "('integer', 'real')"
_DIGITS = "-".join("[0-9]" * count for count in (4, 2, 2))
_SAME_SCALAR = (
    "item.atom IS wanted.atom AND CASE item.type WHEN 'integer' THEN 'real' ELSE item.type END"
    " = CASE wanted.type WHEN 'integer' THEN 'real' ELSE wanted.type END"
)
_NODES = (
    "SELECT fullkey, CASE type WHEN 'integer' THEN 'real' ELSE type END, atom FROM json_tree({})"
)
_DATE_TEXT = f"{{kind}} = 'text' AND {{value}} GLOB '{_DIGITS}'"

SQLITE = JSONForms(
    path=_verbatim,
    kind="json_type({document}, {path})",
    root="json_extract({document}, '$')",
    root_selected="{document}",
    selected="({document} -> {path})",
    literal=True,
    odd=True,
    odd_found="(SELECT {found} FROM {tables} WHERE {keys})",
    odd_table="json_each({document}, {path}) AS {name}",
    odd_key="{name}.key = {key}",
    odd_inside="CASE WHEN {name}.type IN ('object', 'array') THEN {name}.value END",
    odd_kind="{name}.type",
    odd_value="{name}.value",
    odd_selected="CASE {name}.type WHEN 'true' THEN 'true' WHEN 'false' THEN 'false'"
    " WHEN 'null' THEN 'null' WHEN 'real' THEN printf('%!.20e', {name}.value)"
    " WHEN 'text' THEN json_quote({name}.value) ELSE {name}.value END",
    text="(CASE WHEN {kind} = 'text' THEN {value} END)",
    number_value=f"(CASE WHEN {{kind}} IN {_NUMBERS} THEN {{value}} END)",
    integer="(CASE {kind} WHEN 'integer' THEN CASE typeof({value}) WHEN 'integer' THEN {value} END"
    " WHEN 'real' THEN CASE WHEN {value} >= -9223372036854775808.0"
    " AND {value} < 9223372036854775808.0 AND {value} = CAST({value} AS INTEGER)"
    " THEN CAST({value} AS INTEGER) END END)",
    real=f"(CASE WHEN {{kind}} IN {_NUMBERS} THEN CAST({{value}} AS REAL) END)",
    boolean="(CASE {kind} WHEN 'true' THEN 1 WHEN 'false' THEN 0 END)",
    date_text=f"(CASE WHEN {_DATE_TEXT} THEN {{value}} END)",
    date=f"(CASE WHEN {_DATE_TEXT} AND date({{value}}, '+0 days') = {{value}}"
    " AND {value} > '0001' THEN {value} END)",
    object="(CASE WHEN {kind} = 'object' THEN {value} END)",
    array="(CASE WHEN {kind} = 'array' THEN {value} END)",
    compared="({number_value} {op} json_extract({exact}, '$'))",
    equal="(CASE WHEN {container} IS NOT NULL THEN"
    " (SELECT count(*) FROM json_tree({container})) = (SELECT count(*) FROM json_tree({pattern}))"
    f" AND NOT EXISTS ({_NODES.format('{container}')} EXCEPT {_NODES.format('{pattern}')}) END)",
    has_all="(CASE WHEN {container} IS NOT NULL THEN NOT EXISTS (SELECT 1"
    " FROM json_each({pattern}) AS wanted WHERE NOT EXISTS (SELECT 1"
    f" FROM json_each({{container}}) AS item WHERE {_SAME_SCALAR})) END)",
    has_any="(CASE WHEN {container} IS NOT NULL THEN EXISTS (SELECT 1"
    " FROM json_each({pattern}) AS wanted JOIN json_each({container}) AS item"
    f" ON {_SAME_SCALAR}) END)",
    contains="(CASE WHEN {container} IS NOT NULL THEN {each} END)",
)

_DAYS = (
    "((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)"
    "|02-(0[1-9]|1[0-9]|2[0-8]))"
)
_LEAP_YEARS = "([0-9]{{2}}(0[48]|[2468][048]|[13579][26])|(0[48]|[2468][048]|[13579][26])00)"
_YEARS = "([1-9][0-9]{{3}}|0[1-9][0-9]{{2}}|00[1-9][0-9]|000[1-9])"
_A_DATE = f"^({_YEARS}-{_DAYS}|{_LEAP_YEARS}-02-29)$"
_LIKE_A_DATE = "^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}$"

_PG_TEXT = "({value} #>> '{{}}')"
_PG_NUMBER = "CAST({value} AS NUMERIC)"

POSTGRESQL = JSONForms(
    number=_decimal,
    number_type=Numeric,
    step="({value} -> {step})",
    place="({value} -> {step})",
    kind="jsonb_typeof({value})",
    root_kind="jsonb_typeof({document})",
    is_array="jsonb_typeof({value}) = 'array'",
    text=f"((CASE WHEN {{kind}} = 'string' THEN {_PG_TEXT} END) COLLATE \"C\")",
    number_value=f"(CASE WHEN {{kind}} = 'number' THEN {_PG_NUMBER} END)",
    integer=f"(CASE WHEN {{kind}} = 'number' THEN CASE WHEN trunc({_PG_NUMBER}) = {_PG_NUMBER}"
    f" AND {_PG_NUMBER} BETWEEN -9223372036854775808 AND 9223372036854775807"
    " THEN CAST({value} AS BIGINT) END END)",
    real=f"(CASE WHEN {{kind}} = 'number' THEN CASE WHEN abs({_PG_NUMBER}) < 4e-324 THEN 0"
    f" WHEN abs({_PG_NUMBER}) < 1.797693134862315808e308 THEN CAST({{value}} AS DOUBLE PRECISION)"
    " END END)",
    boolean="(CASE WHEN {kind} = 'boolean' THEN CAST({value} AS BOOLEAN) END)",
    date_text=f"((CASE WHEN {{kind}} = 'string' THEN CASE WHEN {_PG_TEXT} ~ '{_LIKE_A_DATE}'"
    f' THEN {_PG_TEXT} END END) COLLATE "C")',
    date=f"(CASE WHEN {{kind}} = 'string' THEN CASE WHEN {_PG_TEXT} ~ '{_A_DATE}'"
    f" THEN CAST({_PG_TEXT} AS DATE) END END)",
    object="(CASE WHEN {kind} = 'object' THEN {value} END)",
    array="(CASE WHEN {kind} = 'array' THEN {value} END)",
    compared="({number_value} {op} CAST({exact} AS NUMERIC))",
    has_all="({container} @> {pattern})",
    has_any="{each}",
    contains="({container} @> {pattern})",
    has_all_served="({document} @> {pattern})",
    contains_served="({document} @> {pattern})",
)

_MY_TEXT = "JSON_UNQUOTE({value})"
_MY_SORTED = f"({_MY_TEXT} COLLATE utf8mb4_0900_bin)"  # whatever collation the connection has
_MY_NUMBERS = "('INTEGER', 'UNSIGNED INTEGER', 'DOUBLE', 'DECIMAL')"
_WANTED = "JSON_TABLE({pattern}, '$[*]' COLUMNS (item JSON PATH '$')) AS wanted"
_ITEM = "COALESCE(wanted.item, CAST('null' AS JSON))"  # null is read as NULL
_MY_DATE = (
    f"(CASE WHEN {{kind}} = 'STRING' THEN CASE WHEN CHAR_LENGTH({_MY_TEXT}) = 10"
    f" AND {_MY_SORTED} REGEXP '{{form}}' THEN {{found}} END END)"
)


def _mysql_date(form: str, found: str) -> str:
    return _MY_DATE.replace("{form}", form).replace("{found}", found)


MYSQL = JSONForms(
    at="JSON_EXTRACT({document}, {path})",
    kind="JSON_TYPE({value})",
    root_kind="JSON_TYPE({document})",
    is_array="JSON_TYPE({value}) = 'ARRAY'",
    text=f"((CASE WHEN {{kind}} = 'STRING' THEN {_MY_TEXT} END) COLLATE utf8mb4_0900_bin)",
    number_value=f"(CASE WHEN {{kind}} IN {_MY_NUMBERS} THEN {{value}} END)",
    integer="(CASE {kind} WHEN 'INTEGER' THEN CAST({value} AS SIGNED)"
    " WHEN 'UNSIGNED INTEGER' THEN CASE WHEN {value} <= CAST('9223372036854775807' AS JSON)"
    " THEN CAST({value} AS SIGNED) END"
    " WHEN 'DOUBLE' THEN CASE WHEN CAST({value} AS DOUBLE) = -9223372036854775808e0"
    " THEN -9223372036854775808"  # which the cast of that very float says is out of range
    " WHEN CAST({value} AS DOUBLE) > -9223372036854775808e0"
    " AND CAST({value} AS DOUBLE) < 9223372036854775808e0"
    " AND FLOOR(CAST({value} AS DOUBLE)) = CAST({value} AS DOUBLE)"
    " THEN CAST(CAST({value} AS DOUBLE) AS SIGNED) END END)",
    real=f"(CASE WHEN {{kind}} IN {_MY_NUMBERS} THEN CAST({{value}} AS DOUBLE) END)",
    boolean=f"(CASE WHEN {{kind}} = 'BOOLEAN' THEN {_MY_SORTED} = 'true' END)",
    date_text=f"({_mysql_date(_LIKE_A_DATE, _MY_TEXT)} COLLATE utf8mb4_0900_bin)",
    date=_mysql_date(_A_DATE, f"CAST({_MY_TEXT} AS DATE)"),
    object="(CASE WHEN {kind} = 'OBJECT' THEN {value} END)",
    array="(CASE WHEN {kind} = 'ARRAY' THEN {value} END)",
    absent="(COALESCE({kind}, 'NULL') = 'NULL')",
    null="({kind} = 'NULL')",
    compared="({number_value} {op} CAST({exact} AS JSON))",
    equal="({container} = CAST({pattern} AS JSON))",
    has_all="(CASE WHEN {container} IS NOT NULL THEN NOT EXISTS (SELECT 1"
    f" FROM {_WANTED} WHERE NOT ({_ITEM} MEMBER OF ({{container}}))) END)",
    has_any="(CASE WHEN {container} IS NOT NULL THEN EXISTS (SELECT 1"
    f" FROM {_WANTED} WHERE {_ITEM} MEMBER OF ({{container}})) END)",
    contains="(CASE WHEN {container} IS NOT NULL THEN {each} END)",
)

_ITEMS = "JSON_TABLE({container}, '$[*]' COLUMNS (item JSON PATH '$')) AS held"
_MARIA_NUMBERS = "('INTEGER', 'DOUBLE')"
_MARIA_REAL = f"(CASE WHEN {{kind}} IN {_MARIA_NUMBERS} THEN CAST({{value}} AS DOUBLE) END)"
_FLOAT = "REGEXP '[.eE]|[0-9]{{20}}'"  # or an integer beyond 64 bits
_SAME_ITEM = (  # JSON_EQUALS tells escapes apart, and reads a number on behind its end
    "CASE WHEN JSON_TYPE(wanted.item) = 'STRING' THEN JSON_TYPE(held.item) = 'STRING'"
    " AND JSON_UNQUOTE(held.item) = JSON_UNQUOTE(wanted.item) COLLATE utf8mb4_nopad_bin"
    f" WHEN JSON_TYPE(wanted.item) IN {_MARIA_NUMBERS}"
    f" THEN CASE WHEN JSON_TYPE(held.item) NOT IN {_MARIA_NUMBERS} THEN FALSE"
    f" WHEN held.item {_FLOAT} OR wanted.item {_FLOAT}"
    " THEN CAST(held.item AS DOUBLE) = CAST(wanted.item AS DOUBLE)"
    " ELSE CAST(held.item AS DECIMAL(65)) = CAST(wanted.item AS DECIMAL(65)) END"
    " ELSE JSON_TYPE(held.item) = JSON_TYPE(wanted.item) AND held.item = wanted.item END"
)
_IS_FLOAT = f"{{value}} {_FLOAT}"

_DASHED = (  # the function, once NULL, stays so: a key of ours is always among those it finds
    "(SELECT CONVERT(JSON_EXTRACT(JSON_EXTRACT(JSON_REMOVE(JSON_OBJECT_FILTER_KEYS("
    "JSON_SET(odd.item, '$.\"+\"', 0), JSON_ARRAY({key}, '+')), '$.\"+\"'), '$.*'), '$[0]')"
    " USING utf8mb4) FROM JSON_TABLE({value}, '$' COLUMNS (item JSON PATH '$')) AS odd"
    " WHERE JSON_TYPE(odd.item) = 'OBJECT')"
)

MARIADB = replace(
    MYSQL,
    path=_bare_dashes,
    dashed=_DASHED,
    number=float,
    text=MYSQL.text.replace("0900_bin", "nopad_bin"),
    boolean=MYSQL.boolean.replace("0900_bin", "nopad_bin"),
    date=MYSQL.date.replace("0900_bin", "nopad_bin"),
    number_value=_MARIA_REAL,
    integer=f"(CASE WHEN {{kind}} IN {_MARIA_NUMBERS} THEN CASE WHEN {_IS_FLOAT} THEN CASE WHEN"
    " CAST({value} AS DOUBLE) >= -9223372036854775808e0"
    " AND CAST({value} AS DOUBLE) < 9223372036854775808e0"
    " AND FLOOR(CAST({value} AS DOUBLE)) = CAST({value} AS DOUBLE)"
    " THEN CAST(CAST({value} AS DOUBLE) AS SIGNED) END"
    " WHEN CAST({value} AS DECIMAL(65)) BETWEEN -9223372036854775808 AND 9223372036854775807"
    " THEN CAST({value} AS SIGNED) END END)",
    real=_MARIA_REAL,
    date_text=MYSQL.date_text.replace("0900_bin", "nopad_bin"),
    compared=f"(CASE WHEN {{kind}} IN {_MARIA_NUMBERS} THEN CASE WHEN {_IS_FLOAT}"
    " THEN CAST({value} AS DOUBLE) {real_op} {real}"
    " ELSE CAST({value} AS DECIMAL(65)) {whole_op} {whole} END END)",
    equal="(JSON_EQUALS({container}, {pattern}) = 1)",
    has_all="(CASE WHEN {container} IS NOT NULL THEN NOT EXISTS (SELECT 1"
    f" FROM {_WANTED} WHERE NOT EXISTS (SELECT 1 FROM {_ITEMS}"
    f" WHERE {_SAME_ITEM})) END)",
    has_any="(CASE WHEN {container} IS NOT NULL THEN EXISTS (SELECT 1"
    f" FROM {_WANTED} JOIN {_ITEMS} ON {_SAME_ITEM}) END)",
)

OLD_MARIADB = replace(MARIADB, path=_without_dashes, dashed=None)
