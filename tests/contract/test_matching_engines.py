"""What each engine finds, what no index holds, and what is read in the rows instead."""

import pytest

from agentorm import (
    Database,
    Raw,
    SlowPath,
    UnsupportedFeature,
    dialects,
    repository,
)
from agentorm.dialects import Feature
from tests.contract.matched import (
    IN_INNODB,
    WORKS,
    MatchedText,
    MatchedWork,
    MatchedWriter,
    add,
    add_row,
    found,
    keys,
)

READ = "the texts of .* are read, row by row"


@pytest.fixture
def works(db: Database) -> Database:
    db.create_all(MatchedWriter, MatchedWork)
    repository(MatchedWork, db).add_all(
        MatchedWork(id=key, topic=topic, title=title, body=body)
        for key, topic, title, body in WORKS
    )
    return db


@pytest.fixture
def texts(db: Database) -> Database:
    db.create_all(MatchedText)
    return db


class TestWhatEachEngineFinds:
    """The table of the guide "Full text"."""

    @pytest.fixture
    def rows(self, texts: Database) -> Database:
        add(
            texts,
            "He was running home",
            "We run often",
            "vectors",
            "x² of ﬁne width",
            "an AI of it",
        )
        return texts

    @pytest.mark.parametrize(
        ("text", "in_sqlite", "in_postgresql", "in_innodb"),
        [
            ("run", [1, 2], [1, 2], [2]),
            ("running", [1, 2], [1, 2], [1]),
            ("vector", [3], [3], []),
            ("fine", [], [], [4]),
            ("often", [2], [2], [2]),
        ],
    )
    def test_other_forms_of_a_word(
        self,
        rows: Database,
        text: str,
        in_sqlite: list[int],
        in_postgresql: list[int],
        in_innodb: list[int],
    ) -> None:
        by_engine = {"sqlite": in_sqlite, "postgresql": in_postgresql}
        expected = by_engine.get(rows.engine.dialect.name, in_innodb)
        assert sorted(found(rows, text)) == expected

    def test_words_that_are_not_in_every_index_do_no_harm_beside_others(
        self, rows: Database
    ) -> None:
        assert found(rows, "the vectors of")[0] == 3
        assert found(rows, "home was", every=True) == [1]
        assert found(rows, "home AI", every=True) == []
        assert found(rows, "running C", every=True) == []

    def test_a_phrase_is_looser_about_stop_words_where_there_are_any(self, rows: Database) -> None:
        add_row(rows, 6, "She was not running")
        name = rows.engine.dialect.name
        looser = {"postgresql": [1, 2, 6], "mariadb": [1, 6], "mysql": [1, 6]}
        assert found(rows, phrase="home in a home") == []
        assert sorted(found(rows, phrase="he was running")) == looser.get(name, [1])
        assert found(rows, phrase="was home") == ([1] if name in looser else [])


class TestWhatNoIndexHolds:
    @pytest.fixture
    def rows(self, texts: Database) -> Database:
        add(
            texts,
            "C++ and Go",
            "C is old",
            "Rust",
            "東京タワーと大阪",
            "done ✅ 100%_sure",
            "Ünique",
        )
        return texts

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("++", [1]),
            ("東京", [4]),
            ("大阪、京都", [4]),
            ("✅", [5]),
            ("%_", [5]),
            ("✅ ++", [1, 5]),
            ("\\", []),
            ("\x00", []),
            ("\ud800", []),
        ],
    )
    def test_is_read_in_the_rows(self, rows: Database, text: str, expected: list[int]) -> None:
        with pytest.warns(SlowPath, match=READ):
            assert found(rows, text) == expected

    def test_every_ending_reads_them(self, rows: Database) -> None:
        query = repository(MatchedText, rows).matching("東京 ++ 大阪")
        with pytest.warns(SlowPath, match=READ):
            hits = query.hits()
        assert [(hit.entity.id, hit.score) for hit in hits] == [(4, 2.0), (1, 1.0)]
        assert [row.id for row in query.stream()] == [4, 1]
        assert [row.id for row in query.limit(1).all()] == [4]
        assert (query.count(), query.exists()) == (2, True)
        assert query.where(MatchedText.body == "Rust").all() == []
        assert query.where(MatchedText.body == "Rust").exists() is False

    def test_is_announced_once(self, rows: Database) -> None:
        with pytest.warns(SlowPath, match=READ) as warned:
            assert found(rows, "++") + found(rows, "✅") == [1, 5]
        assert len(warned) == 1

    def test_every_piece_has_to_be_there(self, rows: Database) -> None:
        with pytest.warns(SlowPath, match=READ):
            assert found(rows, "東京 大阪", every=True) == [4]
        assert found(rows, "東京 京都", every=True) == []
        assert found(rows, phrase="東京タワー") == [4]
        assert found(rows, prefix="東") == [4]

    def test_is_read_beside_the_index_where_it_has_to_be_there(self, rows: Database) -> None:
        assert found(rows, "done", phrase="✅") == [5]
        assert found(rows, "done", phrase="++") == []
        assert found(rows, "Rust 東京", every=True) == []
        assert found(rows, "done", prefix="東") == []

    @pytest.mark.engines(*IN_INNODB)
    def test_short_words_and_stop_words_of_innodb(self, rows: Database) -> None:
        with pytest.warns(SlowPath, match="holds none of the words"):
            assert found(rows, "C++") == [1]
        assert found(rows, "go") == [1]
        assert found(rows, "is") == [2]
        assert found(rows, "old is", every=True) == [2]
        assert found(rows, "old go", every=True) == []
        assert found(rows, "and go", every=True) == [1]

    @pytest.mark.engines("postgresql")
    def test_stop_words_of_a_language(self, rows: Database, sent: list[str]) -> None:
        with pytest.warns(SlowPath, match="holds none of the words"):
            assert found(rows, "is") == [2]
        assert found(rows, "is") == [2]
        assert sum("unnest" in statement for statement in sent) == 1
        assert found(rows, "rust is") == [3]
        assert found(rows, "rust") == [3]
        assert sum("unnest" in statement for statement in sent) == 2

    @pytest.mark.engines("postgresql")
    @pytest.mark.parametrize("before", ["", "rust"])
    def test_frequent_words_do_not_have_to_be_there(self, rows: Database, before: str) -> None:
        if before:
            assert found(rows, before) == [3]
        assert found(rows, "of the rust", every=True) == [3]
        assert found(rows, "rust", phrase="of the") == []
        assert found(rows, "old", phrase="c is") == [2]

    def test_a_phrase_that_one_of_two_indexes_does_not_hold(self, works: Database) -> None:
        rows = repository(MatchedWork, works)
        rows.add(MatchedWork(id=7, title="to be", body="A hill that is to be a river"))
        query = rows.matching("river", phrase="to be")
        assert query.count() == 1
        assert keys(query.all()) == [7]

    def test_an_engine_without_full_text_reads_the_rows(self, rows: Database) -> None:
        known = rows.dialect()
        dialects.remember(rows.engine.dialect, known.without(Feature.FULL_TEXT, note="told so"))
        with pytest.warns(SlowPath, match="has no full-text index here"):
            assert found(rows, "rust GO") == [1, 3]
        assert found(rows, "c go", every=True) == [1]
        assert found(rows, phrase="c  is") == [2]
        with pytest.raises(UnsupportedFeature, match="a full-text index"):
            repository(MatchedText, rows).matching(Raw(known.name, "rust")).all()
        explained = repository(MatchedText, rows).matching("rust").explain()
        assert explained.index is None
        assert any("has no full-text index here" in note for note in explained.notes)


class TestOwnTransaction:
    def test_finds_its_own_rows_where_the_engine_does(self, texts: Database) -> None:
        own = texts.engine.dialect.name not in IN_INNODB
        with texts.transaction() as session:
            rows = repository(MatchedText, session)
            rows.add(MatchedText(id=1, body="fresh words"))
            query = rows.matching("words")
            assert query.count() == int(own)
            told = any("once it is committed" in note for note in query.explain().notes)
            assert told is not own
        assert found(texts, "words") == [1]

    def test_what_is_rolled_back_is_not_found(self, texts: Database) -> None:
        with texts.session() as session:
            repository(MatchedText, session).add(MatchedText(id=1, body="fresh words"))
            session.rollback()
        assert found(texts, "words") == []
