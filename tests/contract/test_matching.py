"""Rows by their words: which, in what order, by which fields, and what no index holds."""

from collections.abc import Iterable
from math import isnan
from typing import Any

import pytest
from sqlalchemy.exc import StatementError
from sqlalchemy.orm import registry, selectinload

from agentorm import (
    Database,
    Entity,
    Field,
    InvalidFilter,
    InvalidQuery,
    MultipleResults,
    Raw,
    Relationship,
    Search,
    SlowPath,
    SyncQuery,
    TableMissing,
    UnsupportedFeature,
    Vector,
    col,
    dialects,
    repository,
    text_field,
    vector_field,
)
from agentorm.dialects import Feature

IN_INNODB = ("mariadb", "mysql")
READ = "the texts of .* are read, row by row"


class Matched(Entity, registry=registry()):
    """What all of them derive from."""


class MatchedWriter(Matched, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    works: list["MatchedWork"] = Relationship(back_populates="writer")


class MatchedWork(Matched, table=True):
    id: int | None = Field(default=None, primary_key=True)
    topic: str = "a"
    title: str = text_field(search="simple", default="")
    body: str | None = text_field(search="english", default=None)
    writer_id: int | None = Field(default=None, foreign_key="matchedwriter.id")
    embedding: Vector | None = vector_field(2, default=None)
    writer: MatchedWriter | None = Relationship(back_populates="works")


class MatchedPair(Matched, table=True):
    shelf: str = Field(primary_key=True)
    place: int = Field(primary_key=True)
    body: str = text_field(search="simple")


class MatchedText(Matched, table=True):
    body: str = text_field(search="english")
    id: int | None = Field(default=None, primary_key=True)


class MatchedMedium(Matched, table=True):
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "medium"}  # noqa: RUF012
    id: int | None = Field(default=None, primary_key=True)
    kind: str = "medium"
    title: str = text_field(search="simple")


class MatchedFilm(MatchedMedium, table=True):
    __mapper_args__ = {"polymorphic_identity": "film"}  # noqa: RUF012
    id: int | None = Field(default=None, primary_key=True, foreign_key="matchedmedium.id")
    plot: str = text_field(search="english", default="")


WORKS = [
    (1, "a", "Loire", "A river and a valley, and another river"),
    (2, "a", "Rhine", "One river between hills and towns"),
    (3, "b", "Alps", "A valley under high hills and mountains"),
    (4, "b", "River Plate", "Where some city lies by the wide sea"),
    (5, "b", "Nothing", "Words about quite different things"),
    (6, "b", "Empty", None),
]


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


def keys(rows: Iterable[MatchedWork]) -> list[int]:
    return [row.id or 0 for row in rows]


def add(db: Database, *bodies: str) -> None:
    rows = [MatchedText(id=n, body=body) for n, body in enumerate(bodies, 1)]
    repository(MatchedText, db).add_all(rows)


def add_row(db: Database, key: int, body: str) -> None:
    repository(MatchedText, db).add(MatchedText(id=key, body=body))


def found(db: Database, text: str = "", **more: Any) -> list[int]:
    query: SyncQuery[MatchedText] = repository(MatchedText, db).matching(text, **more)
    return [row.id or 0 for row in query.all()]


class TestWords:
    def test_one_word_is_enough_and_more_of_them_rank_higher(self, works: Database) -> None:
        rows = repository(MatchedWork, works)
        assert keys(rows.matching("river", on=MatchedWork.body).all()) == [1, 2]
        best = rows.matching("river valley", on=MatchedWork.body).all()
        assert keys(best)[0] == 1
        assert sorted(keys(best)) == [1, 2, 3]
        assert rows.matching("unheard").all() == []

    def test_every_word_has_to_be_there(self, works: Database) -> None:
        rows = repository(MatchedWork, works)
        assert keys(rows.matching("river valley", every=True).all()) == [1]
        assert rows.matching("river sea", every=True).all() == []

    def test_every_word_has_to_be_in_one_field(self, works: Database) -> None:
        rows = repository(MatchedWork, works)
        assert rows.matching("Plate city", every=True).all() == []

    def test_a_phrase_is_words_in_a_row(self, works: Database) -> None:
        rows = repository(MatchedWork, works)
        assert keys(rows.matching(phrase="wide sea").all()) == [4]
        assert keys(rows.matching(phrase='"Wide, sea!"').all()) == [4]
        assert rows.matching(phrase="sea wide").all() == []
        assert keys(rows.matching(phrase="by the wide sea").all()) == [4]

    def test_a_prefix_is_the_beginning_of_a_word(self, works: Database) -> None:
        rows = repository(MatchedWork, works)
        assert keys(rows.matching(prefix="mount").all()) == [3]
        assert sorted(keys(rows.matching(prefix="Riv").all())) == [1, 2, 4]
        assert rows.matching(prefix="ountains").all() == []

    def test_words_phrase_and_prefix_all_have_to_hold(self, works: Database) -> None:
        rows = repository(MatchedWork, works)
        assert keys(rows.matching("river hills", prefix="mount").all()) == [3]
        assert keys(rows.matching("river", phrase="another river").all()) == [1]
        assert rows.matching("river", phrase="wide sea", on=MatchedWork.body).all() == []
        assert keys(rows.matching("lies", phrase="wide sea", prefix="cit").all()) == [4]

    def test_case_is_ignored_and_accents_count(self, texts: Database) -> None:
        add(texts, "CAFÉ noir", "cafe noir", "Straße", "ΟΔΟΣ here")
        assert found(texts, "café") == found(texts, "CAFÉ") == [1]
        assert found(texts, "Cafe") == [2]
        assert found(texts, "straße") == [3]

    def test_what_is_typed_has_no_syntax(self, texts: Database) -> None:
        add(texts, "vector search", "near and not", "snake_case names", "zope.interface", "x@y.net")
        for text in [
            'vector"',
            "-vector",
            "vector*",
            "(vector",
            "vector AND",
            "NOT vector",
            "body:vector",
        ]:
            assert 1 in found(texts, text), text
        assert found(texts, "interface") == [4]
        assert found(texts, "names") == found(texts, "snake") == [3]
        assert found(texts, "zope.interface") == [4]

    def test_ties_come_by_key(self, texts: Database) -> None:
        rows = [MatchedText(id=n, body="the same words") for n in (7, 3, 9, 1)]
        repository(MatchedText, texts).add_all([*rows, MatchedText(id=5, body="something else")])
        assert found(texts, "words") == [1, 3, 7, 9]


class TestFieldsAndWeights:
    def test_every_searched_field_counts_unless_some_are_named(self, works: Database) -> None:
        rows = repository(MatchedWork, works)
        assert sorted(keys(rows.matching("river").all())) == [1, 2, 4]
        assert keys(rows.matching("river", on=MatchedWork.title).all()) == [4]
        assert sorted(keys(rows.matching("river", on=["title", "body"]).all())) == [1, 2, 4]

    def test_weights_move_rows(self, works: Database) -> None:
        rows = repository(MatchedWork, works)
        by_title = rows.matching("river", on={"title": 100, MatchedWork.body: 1}).all()
        by_body = rows.matching("river", on={"title": 0.001, "body": 1}).all()
        assert keys(by_title) == [4, 1, 2]
        assert keys(by_body) == [1, 2, 4]

    def test_a_score_is_the_sum_over_the_fields(self, works: Database) -> None:
        rows = repository(MatchedWork, works)
        repository(MatchedWork, works).add(MatchedWork(id=7, title="Loire", body="Loire"))
        apart = [
            {hit.entity.id: hit.score for hit in rows.matching("Loire", on=field).hits()}
            for field in ("title", "body")
        ]
        both = {
            h.entity.id: h.score for h in rows.matching("Loire", on={"title": 2, "body": 3}).hits()
        }
        assert both == {
            1: pytest.approx(2 * apart[0][1]),
            7: pytest.approx(2 * apart[0][7] + 3 * apart[1][7]),
        }

    def test_a_field_without_weight_is_not_searched(self, works: Database) -> None:
        rows = repository(MatchedWork, works)
        assert keys(rows.matching("river", on={"title": 1, "body": 0}).all()) == [4]


class TestEndings:
    def test_every_ending_agrees(self, works: Database) -> None:
        query = repository(MatchedWork, works).matching("river", on={"title": 0.001, "body": 1})
        assert keys(query.all()) == keys(query.stream()) == [1, 2, 4]
        assert keys(query.limit(2).all()) == keys(query.limit(2).stream()) == [1, 2]
        assert keys(query.offset(1).limit(1).all()) == [2]
        assert keys(query.offset(1).all()) == [2, 4]
        assert (query.count(), query.limit(1).count(), query.exists()) == (3, 3, True)
        first = query.first()
        assert first is not None
        assert first.id == 1
        with pytest.raises(MultipleResults):
            query.one()
        assert query.where(col(MatchedWork.id) == 4).one().title == "River Plate"
        none = query.where(col(MatchedWork.id) == 5)
        assert (none.all(), none.first(), none.count(), none.exists()) == ([], None, 0, False)

    def test_hits_have_the_score_of_the_text_and_no_distance(self, works: Database) -> None:
        hits = repository(MatchedWork, works).matching("river", on=MatchedWork.body).hits()
        assert keys(hits.entities) == [1, 2]
        assert [hit.score for hit in hits] == [hit.text_score for hit in hits]
        assert hits[0].score > hits[1].score > 0
        assert all(isnan(hit.distance) and hit.fused_score is None for hit in hits)
        assert (hits.ranker, hits.exact, hits.complete) == ("text", True, True)

    def test_filters_hold(self, works: Database) -> None:
        query = repository(MatchedWork, works).matching("river valley")
        assert sorted(keys(query.where(MatchedWork.topic == "b").all())) == [3, 4]
        assert keys(query.where("topic", "=", "a").limit(1).all()) == [1]
        assert query.where({"field": "topic", "op": "eq", "value": "b"}).count() == 2

    def test_joins_and_loaders(self, works: Database) -> None:
        rows = repository(MatchedWork, works)
        repository(MatchedWriter, works).add(MatchedWriter(id=1, name="Ada"))
        with works.transaction() as session:
            for work in (
                repository(MatchedWork, session).where(col(MatchedWork.id).in_([2, 3])).all()
            ):
                work.writer_id = 1
        by_ada = rows.matching("river valley").join(MatchedWork.writer)
        named = by_ada.where(MatchedWriter.name == "Ada")
        assert sorted(keys(named.all())) == [2, 3]
        assert named.count() == 2
        loaded = named.options(selectinload(MatchedWork.writer)).all()  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        assert {work.writer.name for work in loaded if work.writer} == {"Ada"}
        writers = repository(MatchedWriter, works).join(MatchedWriter.works)
        assert [w.name for w in writers.where(MatchedWork.topic == "b").all()] == ["Ada"]


class TestKeys:
    def test_of_several_columns(self, db: Database) -> None:
        db.create_all(MatchedPair)
        rows = repository(MatchedPair, db)
        places = [("b", 1), ("a", 10), ("a", 9), ("B", 2), ("é", 1)]
        rows.add_all(MatchedPair(shelf=s, place=p, body="same words") for s, p in places)
        rows.add(MatchedPair(shelf="c", place=1, body="nothing of it"))
        query = rows.matching("words")
        expected = [("B", 2), ("a", 9), ("a", 10), ("b", 1), ("é", 1)]
        assert [(row.shelf, row.place) for row in query.all()] == expected
        assert [(row.shelf, row.place) for row in query.offset(1).limit(2).all()] == expected[1:3]
        assert query.count() == 5

    def test_of_tables_derived_from_tables(self, db: Database) -> None:
        db.create_all(MatchedFilm)
        repository(MatchedMedium, db).add(MatchedMedium(id=1, title="river"))
        films = repository(MatchedFilm, db)
        films.add(MatchedFilm(id=2, title="river", plot="A boat on some lake"))
        films.add(MatchedFilm(id=3, title="lake", plot="A house by some river, and a river"))
        assert {film.id for film in films.matching("river").all()} == {2, 3}
        assert [film.id for film in films.matching("river", on="title").all()] == [2]
        assert [film.id for film in films.matching("river", on=MatchedFilm.plot).all()] == [3]
        media = repository(MatchedMedium, db).matching("river")
        assert [(type(m).__name__, m.id) for m in media.all()] == [
            ("MatchedMedium", 1),
            ("MatchedFilm", 2),
        ]
        assert (films.matching("river").count(), media.count()) == (2, 2)


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
