"""Searches in an engine's own syntax, searches explained, and searches refused."""

import pytest
from sqlalchemy.exc import StatementError

from agentorm import (
    Database,
    InvalidFilter,
    InvalidQuery,
    Raw,
    Search,
    TableMissing,
    UnsupportedFeature,
    repository,
)
from tests.contract.matched import (
    IN_INNODB,
    WORKS,
    MatchedWork,
    MatchedWriter,
    keys,
)


@pytest.fixture
def works(db: Database) -> Database:
    db.create_all(MatchedWriter, MatchedWork)
    repository(MatchedWork, db).add_all(
        MatchedWork(id=key, topic=topic, title=title, body=body)
        for key, topic, title, body in WORKS
    )
    return db


RAW = {
    "sqlite": 'rive* NOT "valley"',
    "postgresql": "riv:* & !valley",
    "mariadb": "+riv* -valley",
    "mysql": "+riv* -valley",
}


class TestRaw:
    def test_is_the_engines_own_syntax(self, works: Database) -> None:
        name = works.dialect().name
        query = repository(MatchedWork, works).matching(Raw(name, RAW[name]), on=MatchedWork.body)
        assert keys(query.all()) == [2]
        assert query.count() == 1
        assert query.explain().ranker == "text"

    def test_another_engine_refuses_it_before_any_sql(
        self, works: Database, sent: list[str]
    ) -> None:
        query = repository(MatchedWork, works).matching(Raw("elsewhere", "x"))
        for ending in (query.all, query.hits, query.count, query.exists, query.explain):
            with pytest.raises(UnsupportedFeature, match="a search in the syntax of elsewhere"):
                ending()
        assert sent == []

    def test_another_engine_refuses_it_within_a_larger_statement(self, works: Database) -> None:
        made = repository(MatchedWork).matching(Raw("elsewhere", "x")).statement()
        with works.session() as session, pytest.raises(StatementError, match="syntax of elsewhere"):
            session.connection().execute(made)

    def test_what_the_engine_does_not_understand_is_named(self, works: Database) -> None:
        name = works.dialect().name
        query = repository(MatchedWork, works).matching(Raw(name, '((("'))
        for ending in (query.all, query.count):
            with pytest.raises(InvalidQuery, match=r"does not take the search"):
                ending()
        with pytest.raises(InvalidQuery, match=r"does not take the search"):
            list(query.stream())
        if name != "sqlite":  # it plans a search that it has not read
            with pytest.raises(InvalidQuery, match=r"does not take the search"):
                query.explain()

    @pytest.mark.engines("sqlite")
    def test_a_column_that_the_index_does_not_have(self, works: Database) -> None:
        query = repository(MatchedWork, works).matching(Raw("sqlite", "well-known"))
        with pytest.raises(InvalidQuery, match="search 'well-known': no such column: known"):
            query.all()
        works.drop_all(MatchedWork)
        with pytest.raises(TableMissing):
            query.all()


class TestExplain:
    def test_says_what_answers(self, works: Database) -> None:
        told = repository(MatchedWork, works).matching("river", on=MatchedWork.body).explain()
        assert (told.ranker, told.exact) == ("text", True)
        assert told.index == "ft_matchedwork_body" or "few rows" in " ".join(told.notes)
        assert "text_score" in told.statements[0]
        stems = works.engine.dialect.name not in IN_INNODB
        finds = "other forms of a word" if stems else "words as they are written"
        assert any(f"finds {finds} in 'english'" in note for note in told.notes)

    def test_names_the_words_that_the_index_does_not_hold(self, works: Database) -> None:
        rows = repository(MatchedWork, works)
        notes = rows.matching("river 東京", on=MatchedWork.body).explain().notes
        assert "not in the full-text index: '東京'" in notes
        notes = rows.matching("river 東京", on=MatchedWork.body, every=True).explain().notes
        assert "read in the rows that the index finds: '東京'" in notes

    def test_says_that_rows_are_read(self, works: Database) -> None:
        told = repository(MatchedWork, works).matching("++").explain()
        assert told.index is None
        assert any("holds none of the words" in note for note in told.notes)

    def test_says_what_tuning_is_ignored(self, works: Database) -> None:
        query = repository(MatchedWork, works).matching("river").tune(Search(ef=50))
        assert any(note.startswith("ef=50 is ignored") for note in query.explain().notes)
        assert sorted(keys(query.all())) == [1, 2, 4]


class TestRefusals:
    def test_a_threshold_needs_a_vector(self, works: Database) -> None:
        rows = repository(MatchedWork, works).matching("river")
        for query in (rows.max_distance(1), rows.min_score(0.5)):
            with pytest.raises(InvalidQuery, match=r"threshold.*similar_to"):
                query.all()

    def test_two_rankings_are_fused(self, works: Database) -> None:
        query = repository(MatchedWork, works).similar_to([1, 2]).matching("river")
        with pytest.raises(InvalidQuery, match="fuse"):
            query.all()

    @pytest.mark.parametrize("text", ["", "  ", "\n\t"])
    def test_nothing_to_search_for(self, text: str) -> None:
        with pytest.raises(InvalidQuery, match="nothing to search for"):
            repository(MatchedWork).matching(text)

    def test_arguments(self) -> None:
        rows = repository(MatchedWork)
        with pytest.raises(InvalidQuery, match=r"MatchedWork\.topic is not searched"):
            rows.matching("river", on=MatchedWork.topic)
        for weight in (-1, float("nan"), float("inf"), 1e308, 10**400, "2", True):
            with pytest.raises(InvalidQuery, match="a weight is a finite number"):
                rows.matching("river", on={"title": weight})
        with pytest.raises(InvalidQuery, match="no field has a weight"):
            rows.matching("river", on={"title": 0})
        with pytest.raises(InvalidQuery, match="a prefix is the beginning of one word"):
            rows.matching(prefix="two words")
        with pytest.raises(InvalidQuery, match="a raw search says all by itself"):
            rows.matching(Raw("sqlite", "x"), every=True)
        with pytest.raises(InvalidQuery, match="has no field to search"):
            repository(MatchedWriter).matching("river")
        for text in (5, None):
            with pytest.raises(InvalidQuery, match="text as a str"):
                rows.matching(text)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        for raw in (5, None, "\ud800"):
            with pytest.raises(InvalidQuery, match="a raw search is text, got"):
                rows.matching(Raw("sqlite", raw))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        with pytest.raises(InvalidFilter):
            rows.matching("river").max_distance(float("nan"))
