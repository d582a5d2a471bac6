"""Rows by their words: which, in what order, by which fields, and what no index holds."""

from math import isnan

import pytest
from sqlalchemy.orm import selectinload

from agentorm import (
    Database,
    MultipleResults,
    col,
    repository,
)
from tests.contract.matched import (
    WORKS,
    MatchedFilm,
    MatchedMedium,
    MatchedPair,
    MatchedText,
    MatchedWork,
    MatchedWriter,
    add,
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
