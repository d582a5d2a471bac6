"""What each engine's own SQL finds in its full-text indexes."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table, text

from agentorm import Database, dialects
from agentorm.dialects.text_storage import index_name, keys_name, shadow_name

FOX, DOG = "the quick brown fox", "a lazy dog"
QUERIES = {
    "sqlite": "SELECT {code} FROM {place}{index} JOIN {place}{table} held"
    " ON held.rowid = {index}.rowid WHERE {index} MATCH '\"' || :word || '\"' ORDER BY 1",
    "keyed": "SELECT numbered.{key} FROM {place}{index} JOIN {place}{keys} numbered"
    " ON numbered.rowid = {index}.rowid WHERE {index} MATCH '\"' || :word || '\"' ORDER BY 1",
    "postgresql": "SELECT {code} FROM {place}{table}"
    " WHERE {shadow} @@ plainto_tsquery('english', :word) ORDER BY 1",
    "mysql": "SELECT {code} FROM {place}{table}"
    " WHERE MATCH ({shadow}) AGAINST (:word IN BOOLEAN MODE) ORDER BY 1",
}


def found(db: Database, model: Any, word: str) -> list[str]:
    """The codes of the rows that have a word, as the engine's own SQL finds them."""
    return found_in(db, model.__table__, word)


def found_in(db: Database, table: Table, word: str, column: str = "body") -> list[str]:
    """The same of a table and a column, of any names."""
    name = dialects.of(db.engine.dialect).name
    key = str(next(iter(table.primary_key.columns)).name)
    if name == "sqlite" and key != "id":
        name = "keyed"
    index = index_name(table.name, column)
    parts = {
        "code": "code",
        "key": key,
        "index": index,
        "keys": keys_name(index),
        "shadow": shadow_name(column),
        "table": table.name,
    }
    quoted = {part: quoted_for(db, it) for part, it in parts.items()}
    place = "" if table.schema is None else f"{quoted_for(db, table.schema)}."
    sql = QUERIES.get(name, QUERIES["mysql"]).format(place=place, **quoted)
    with db.session() as session:
        rows = session.connection().execute(text(sql), {"word": word})
        return list(rows.scalars())


def quoted_for(db: Database, name: str) -> str:
    """A name as `text` takes it, which doubles a percent sign itself."""
    preparer = db.engine.dialect.identifier_preparer
    quoted = preparer.quote(name).replace(":", "\\:")
    return quoted.replace("%%", "%") if preparer.quote("%") != '"%"' else quoted


def check(db: Database, model: Any) -> None:
    """SQLite compares what the index has with what the rows have."""
    if db.engine.dialect.name != "sqlite":
        return
    index = index_name(model.__table__.name, "body")
    with db.transaction() as session:
        asked = f"INSERT INTO {index}({index}, rank) VALUES ('integrity-check', 1)"  # noqa: S608
        session.connection().execute(text(asked))
