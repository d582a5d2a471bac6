"""Which words InnoDB indexes, as its server tells."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from agentorm import Database
from agentorm.dialects.mysql_probe import indexed_words
from agentorm.dialects.text_words import TextWords

pytestmark = pytest.mark.engines("mariadb", "mysql")
USUAL = TextWords(shortest=1, longest=2, stop_words=frozenset({"usual"}), old=True)


def told(db: Database, *settings: str) -> TextWords:
    with db.engine.connect() as connection:
        for setting in settings:
            connection.execute(text(setting))
        driver: Any = connection.connection.dbapi_connection
        known = indexed_words(driver, USUAL)
        connection.invalidate()
    return known


def test_the_limits_and_the_list_are_the_servers(db: Database) -> None:
    known = told(db)
    assert known == db.dialect().text.known
    assert (known.shortest, known.longest, known.old) == (3, 84, True)
    assert {"the", "of", "www"} < known.stop_words
    assert len(known.stop_words) == 35


def test_a_table_of_ones_own_has_the_list(db: Database) -> None:
    with db.engine.begin() as connection:
        connection.execute(text("CREATE TABLE `own_words` (value VARCHAR(30)) ENGINE = INNODB"))
        connection.execute(text("INSERT INTO `own_words` VALUES ('Der'), ('die')"))
        place = connection.execute(text("SELECT DATABASE()")).scalar_one()
    setting = f"SET SESSION innodb_ft_user_stopword_table = '{place}/own_words'"
    assert told(db, setting).stop_words == {"der", "die"}


def test_there_may_be_none(db: Database) -> None:
    assert told(db, "SET SESSION innodb_ft_enable_stopword = OFF").stop_words == frozenset()
