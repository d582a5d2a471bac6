"""What no query has loaded is not read behind your back; the error says how to load it."""

import pickle
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.orm import (
    defaultload,
    defer,
    joinedload,
    lazyload,
    raiseload,
    selectinload,
    subqueryload,
)
from sqlalchemy.orm.exc import DetachedInstanceError
from sqlmodel import Session, select

from agentorm import AgentORMError, Database, NotLoaded, repository
from tests.contract.operas import (
    ACTS,
    COMPOSER,
    Act,
    Building,
    Composer,
    Festival,
    Letter,
    Opera,
    Room,
    compose,
    refusal,
)

# loaders are typed for SQLAlchemy's own annotations
_Act: Any = Act
_Composer: Any = Composer
_Festival: Any = Festival
_Opera: Any = Opera


@pytest.fixture
def operas(db: Database) -> Database:
    compose(db)
    return db


def opera(session: Session, *options: Any) -> Opera:
    return repository(Opera, session).options(*options).where(Opera.title == "Figaro").one()


def names(acts: list[Act]) -> list[str]:
    return sorted(act.name for act in acts)


def test_an_unloaded_relationship_names_the_remedy(operas: Database, sent: list[str]) -> None:
    with operas.session() as session:
        found = opera(session)
        sent.clear()
        assert refusal(lambda: found.composer) == COMPOSER
        assert refusal(lambda: found.acts) == ACTS
        assert refusal(lambda: found.composer) == COMPOSER
    assert refusal(lambda: found.composer) == COMPOSER
    assert refusal(lambda: found.acts) == ACTS
    assert sent == []


def test_the_remedy_starts_where_the_query_did(operas: Database) -> None:
    with operas.session() as session:
        composer = opera(session, selectinload(_Opera.composer)).composer
    assert composer is not None
    assert refusal(lambda: composer.patron) == (
        "Composer.patron is not loaded; load it with the query: "
        ".options(selectinload(Opera.composer).selectinload(Composer.patron))"
    )
    with operas.session() as session:
        loaded = opera(session, selectinload(_Opera.composer).selectinload(_Composer.patron))
    assert loaded.composer is not None
    assert loaded.composer.patron is not None
    assert loaded.composer.patron.name == "Joseph"


def test_what_is_loaded_already_is_found(operas: Database, sent: list[str]) -> None:
    with operas.session() as session:
        found, mozart = opera(session), session.get(Composer, 1)
        sent.clear()
        assert found.composer is mozart
        assert Opera(title="new").composer is None
        assert Opera(title="new").acts == []
    with operas.transaction() as session:
        alone = Opera(title="Anonymous")
        session.add(alone)
        session.flush()
        sent.clear()
        assert alone.composer is None
    assert sent == []


def test_the_error_is_no_attribute_error_and_survives_pickle(operas: Database) -> None:
    with operas.session() as session:
        found = opera(session)
    with pytest.raises(NotLoaded, match=r"^Opera\.composer is not loaded"):
        hasattr(found, "composer")
    with pytest.raises(NotLoaded) as refused:
        _ = found.composer
    assert refused.value.attribute == "Opera.composer"
    assert refused.value.hint == "load it with the query: .options(selectinload(Opera.composer))"
    assert isinstance(refused.value, AgentORMError)
    assert not isinstance(refused.value, AttributeError | ValueError | LookupError)
    assert str(pickle.loads(pickle.dumps(refused.value))) == COMPOSER  # noqa: S301


class ComposerOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    name: str


class OperaOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    title: str
    composer: ComposerOut | None = None


def test_a_row_without_its_relationships_is_shown_compared_and_dumped(operas: Database) -> None:
    with operas.session() as session:
        found = opera(session)
    expected: dict[str, Any] = {"id": 1, "kind": "opera", "title": "Figaro", "composer_id": 1}
    assert found.model_dump() == expected
    assert repr(found) == "Opera(id=1, kind='opera', title='Figaro', composer_id=1)"
    assert found == Opera(**expected)


def test_pydantic_says_what_is_not_loaded(operas: Database) -> None:
    with operas.session() as session:
        found = opera(session)
        with pytest.raises(ValidationError) as refused:
            OperaOut.model_validate(found)
        loaded = opera(session, selectinload(_Opera.composer))
    [error] = refused.value.errors()
    assert error["type"] == "get_attribute_error"
    assert error["msg"] == f"Error extracting attribute: NotLoaded: {COMPOSER}"
    out = OperaOut.model_validate(loaded)
    assert out.model_dump() == {"title": "Figaro", "composer": {"name": "Mozart"}}


@pytest.mark.parametrize("loader", [selectinload, joinedload, subqueryload])
def test_eager_loaders_load_it(operas: Database, loader: Any) -> None:
    with operas.session() as session:
        found = opera(session, loader(_Opera.composer), loader(_Opera.acts))
    assert found.composer is not None
    assert found.composer.name == "Mozart"
    assert names(found.acts) == ["I", "II"]


def test_the_way_back_is_loaded_too_when_asked_for(operas: Database) -> None:
    with operas.session() as session:
        one_way = opera(session, selectinload(_Opera.acts))
        assert one_way.acts[0].opera is one_way
    assert refusal(lambda: one_way.acts[1].opera) == (
        "Act.opera is not loaded; load it with the query: "
        ".options(selectinload(Opera.acts).selectinload(Act.opera))"
    )
    with operas.session() as session:
        both_ways = opera(session, selectinload(_Opera.acts).selectinload(_Act.opera))
    assert both_ways.acts[1].opera is both_ways


def test_loaders_of_the_whole_query_change_it(operas: Database, sent: list[str]) -> None:
    with operas.session() as session:
        lazily = opera(session, lazyload(_Opera.composer))
        assert lazily.composer is not None
        assert lazily.composer.name == "Mozart"
        session.expunge_all()
        by_default = opera(session, defaultload(_Opera.composer).selectinload(_Composer.patron))
        assert refusal(lambda: by_default.composer) == COMPOSER
        session.expunge_all()
        forbidden = opera(session, raiseload("*"))
        sent.clear()
        with pytest.raises(InvalidRequestError, match="lazy='raise'"):
            _ = forbidden.composer
    assert sent == []


def test_refresh_loads_a_relationship_by_name(operas: Database) -> None:
    with operas.session() as session:
        found = opera(session)
        session.refresh(found, ["composer", "acts"])
        session.expire(found, ["composer"])
        session.refresh(found, ["composer"])
    assert found.composer is not None
    assert found.composer.name == "Mozart"
    assert names(found.acts) == ["I", "II"]


def test_both_sides_follow_each_other_unloaded(operas: Database, sent: list[str]) -> None:
    with operas.transaction() as session:
        found = opera(session)
        sent.clear()
        session.add(Act(name="III", opera=found))
        assert sent == []
        session.flush()
        assert refusal(lambda: found.acts) == ACTS
    with operas.session() as session:
        loaded = opera(session, selectinload(_Opera.acts))
    assert names(loaded.acts) == ["I", "II", "III"]


def test_a_relationship_is_changed_unloaded(operas: Database) -> None:
    with operas.transaction() as session:
        found = opera(session)
        found.composer = Composer(name="Salieri")
    with operas.session() as session:
        loaded = opera(session, joinedload(_Opera.composer))
    assert loaded.composer is not None
    assert loaded.composer.name == "Salieri"


def test_deletes_cascade_over_what_is_not_loaded(operas: Database) -> None:
    with operas.transaction() as session:
        session.delete(opera(session))
    assert repository(Act, operas).count() == 0
    assert [row.title for row in repository(Opera, operas).all()] == ["Tito"]


def test_deletes_leave_passive_collections_to_the_engine(operas: Database) -> None:
    with operas.transaction() as session:
        mozart = session.get_one(Composer, 1)
        session.delete(mozart)
    assert repository(Letter, operas).count() == 0
    assert [row.composer_id for row in repository(Opera, operas).all()] == [None, None]


def test_merge_leaves_unloaded_what_is(operas: Database) -> None:
    with operas.session() as session:
        found = opera(session)
    found.title = "Le nozze di Figaro"
    with operas.transaction() as session:
        merged = session.merge(found)
        assert merged is not found
        assert refusal(lambda: merged.composer) == COMPOSER
    with operas.session() as session:
        stored = session.get_one(Opera, 1, options=[selectinload(_Opera.acts)])
    assert stored.title == "Le nozze di Figaro"
    assert names(stored.acts) == ["I", "II"]


def test_rows_survive_pickle_with_and_without_relationships(operas: Database) -> None:
    with operas.session() as session:
        bare: Opera = pickle.loads(pickle.dumps(opera(session)))  # noqa: S301
        session.expunge_all()
        options = selectinload(_Opera.composer), lazyload(_Opera.acts)
        full: Opera = pickle.loads(pickle.dumps(opera(session, *options)))  # noqa: S301
    assert refusal(lambda: bare.composer) == COMPOSER
    assert full.composer is not None
    assert full.composer.name == "Mozart"
    with operas.session() as session:
        session.add(bare)
        assert refusal(lambda: bare.composer) == COMPOSER


def test_derived_tables_inherit_it(operas: Database, sent: list[str]) -> None:
    with operas.session() as session:
        tito = repository(Festival, session).one()
        sent.clear()
        assert refusal(lambda: tito.composer) == COMPOSER
        assert refusal(lambda: tito.patron) == (
            "Festival.patron is not loaded; "
            "load it with the query: .options(selectinload(Festival.patron))"
        )
        assert sent == []
        session.expunge_all()
        options = selectinload(_Opera.composer), selectinload(_Festival.patron)
        loaded = repository(Festival, session).options(*options).one()
    assert loaded.composer is not None
    assert loaded.patron is not None
    assert (loaded.composer.name, loaded.patron.name) == ("Mozart", "Joseph")


def test_a_relationship_that_says_so_loads_by_itself(operas: Database) -> None:
    with operas.session() as session:
        found = opera(session)
        assert found.author is not None
        assert found.author.name == "Mozart"
        session.expunge_all()
        unread = opera(session)
    with pytest.raises(DetachedInstanceError, match="'author'"):
        _ = unread.author


def test_plain_classes_load_as_sqlalchemy_has_it(db: Database) -> None:
    db.create_all(Building, Room)
    repository(Building, db).add(Building(rooms=[Room(), Room()]))
    with db.session() as session:
        building = session.exec(select(Building)).one()
        assert sorted(room.id or 0 for room in building.rooms) == [1, 2]


def test_expired_values_are_read_again_in_their_session(operas: Database) -> None:
    with operas.session() as session:
        found = opera(session)
        session.expire(found)
        assert found.title == "Figaro"


def test_expired_values_say_so_after_their_session(operas: Database) -> None:
    with Session(operas.engine) as session:
        found = session.get_one(Opera, 1)
        session.commit()
    assert refusal(lambda: found.title) == (
        "Opera is not loaded; "
        "it expired and its session has ended; refresh it before: session.refresh(...)"
    )
    assert refusal(lambda: found.acts) == ACTS
    with operas.session() as session:
        one = session.get_one(Opera, 1)
        session.expire(one, ["title"])
    assert refusal(lambda: one.title) == (
        "Opera.title is not loaded; "
        "it expired and its session has ended; refresh it before: session.refresh(..., ['title'])"
    )
    assert one.kind == "opera"


def test_a_rollback_expires_what_it_may_have_changed(operas: Database) -> None:
    with operas.session() as session:
        found = opera(session)
        session.rollback()
    assert refusal(lambda: found.title).startswith("Opera is not loaded; it expired")


def test_left_out_columns_load_in_their_session(operas: Database) -> None:
    with operas.session() as session:
        found = opera(session, defer(_Opera.title))
        assert found.title == "Figaro"
        session.expunge_all()
        unread = opera(session, defer(_Opera.title))
    with pytest.raises(DetachedInstanceError, match="'title'"):
        _ = unread.title
