"""Tables derived from tables: rows of several kinds, whose values lie in several tables."""

from contextlib import suppress

import pytest
from sqlalchemy.orm import aliased, registry

from agentorm import (
    Database,
    Entity,
    Field,
    InvalidQuery,
    Relationship,
    Repository,
    Vector,
    col,
    repository,
    vector_field,
)
from tests.contract.models import vector
from tests.engines import NAMES

pytestmark = pytest.mark.engines(*NAMES)


class Zoo(Entity, registry=registry()):
    """What all of them derive from."""


class Animal(Zoo, table=True):
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "animal"}  # noqa: RUF012
    id: int | None = Field(default=None, primary_key=True)
    kind: str = "animal"
    name: str
    embedding: Vector | None = vector_field(2, default=None)


class Dog(Animal, table=True):
    __mapper_args__ = {"polymorphic_identity": "dog"}  # noqa: RUF012
    id: int | None = Field(default=None, primary_key=True, foreign_key="animal.id")
    tricks: int = 0


class Node(Zoo, table=True):
    """A row that belongs to another of its own kind."""

    id: int | None = Field(default=None, primary_key=True)
    name: str
    parent_id: int | None = Field(default=None, foreign_key="node.id")
    embedding: Vector | None = vector_field(2, default=None)
    parent: "Node" = Relationship(
        back_populates="children", sa_relationship_kwargs={"remote_side": "Node.id"}
    )
    children: list["Node"] = Relationship(back_populates="parent")


@pytest.fixture
def dogs(db: Database) -> Repository[Dog]:
    db.create_all(Dog)
    made = repository(Dog, db)
    made.add_all(
        [
            Dog(name="rex", tricks=3, embedding=vector(1, 0)),
            Dog(name="max", tricks=1, embedding=vector(1, 1)),
        ]
    )
    repository(Animal, db).add(Animal(name="cat", embedding=vector(0, 1)))
    return made


def test_the_schema_of_derived_tables_is_created_and_dropped(db: Database) -> None:
    db.create_all(Animal, Dog)
    repository(Dog, db).add(Dog(name="rex"))
    db.create_all(Dog, Animal)
    assert repository(Animal, db).count() == 1
    db.drop_all(Animal, Dog)


def test_rows_of_a_derived_table_are_found(dogs: Repository[Dog]) -> None:
    assert [(dog.name, dog.tricks) for dog in dogs.all()] == [("rex", 3), ("max", 1)]
    assert [dog.name for dog in dogs.where(Dog.tricks > 1, Dog.name == "rex").all()] == ["rex"]
    found = dogs.get(2)
    assert found is not None
    assert (found.name, found.tricks, found.kind) == ("max", 1, "dog")


def test_rows_of_a_derived_table_are_ranked(dogs: Repository[Dog]) -> None:
    ranking = dogs.similar_to([0, 1])
    assert [dog.name for dog in ranking.all()] == ["max", "rex"]
    assert [dog.name for dog in ranking.where(Dog.tricks > 1).limit(5).all()] == ["rex"]
    assert [dog.name for dog in ranking.stream()] == ["max", "rex"]
    assert ranking.count() == 2


def test_rows_of_the_base_are_of_their_own_kinds(dogs: Repository[Dog], db: Database) -> None:
    animals = repository(Animal, db)
    kinds = [(type(animal).__name__, animal.name) for animal in animals.similar_to([0, 1]).all()]
    assert kinds == [("Animal", "cat"), ("Dog", "max"), ("Dog", "rex")]


def test_rows_of_a_derived_table_are_changed(dogs: Repository[Dog]) -> None:
    dog = dogs.where(Dog.name == "rex").one()
    dogs.update(dog, name="fido", tricks=9)
    assert [(dog.name, dog.tricks) for dog in dogs.all()] == [("fido", 9), ("max", 1)]
    assert dogs.update_where(Dog.tricks == 9, tricks=10) == 1
    dogs.delete(dog)
    assert repository(Animal, dogs.where_to_run).count() == 2


def test_conditions_on_the_base_table_are_refused_by_a_change(dogs: Repository[Dog]) -> None:
    with pytest.raises(InvalidQuery, match="cannot join"):
        dogs.update_where(Dog.name == "rex", tricks=10)
    assert dogs.where(Dog.tricks == 10).count() == 0


def test_rows_are_never_deleted_by_half(dogs: Repository[Dog]) -> None:
    with suppress(InvalidQuery):  # refusing is as good
        dogs.delete_where(Dog.tricks == 3)
    assert repository(Animal, dogs.where_to_run).where(Animal.kind == "dog").count() == dogs.count()


def test_rows_of_several_tables_are_not_upserted(dogs: Repository[Dog]) -> None:
    with pytest.raises(
        InvalidQuery, match=r"upsert\(\) cannot write Dog, which has several tables"
    ):
        dogs.upsert([Dog(id=1, name="new")])


@pytest.fixture
def nodes(db: Database) -> Repository[Node]:
    db.create_all(Node)
    made = repository(Node, db)
    child = Node(name="child", embedding=vector(0, 1))
    made.add(Node(name="root", embedding=vector(1, 0), children=[child]))
    return made


def test_rows_are_found_by_others_of_their_table(nodes: Repository[Node]) -> None:
    assert [node.name for node in nodes.where(col(Node.parent).has(name="root")).all()] == ["child"]
    children = nodes.similar_to([1, 0]).where(col(Node.children).any())
    assert [node.name for node in children.all()] == ["root"]


def test_a_table_is_joined_with_itself_by_an_alias(nodes: Repository[Node]) -> None:
    parent = aliased(Node)
    joined = nodes.join(parent, col(parent.id) == Node.parent_id).where(parent.name == "root")
    assert [node.name for node in joined.all()] == ["child"]


def test_pages_of_derived_tables(dogs: Repository[Dog], db: Database) -> None:
    dogs.add_all(Dog(name=name, tricks=2) for name in ("bea", "leo"))
    page = dogs.order_by(Dog.name).page(size=2)
    assert [dog.name for dog in page] == ["bea", "leo"]
    assert [dog.name for dog in dogs.order_by(Dog.name).page(page.next)] == ["max", "rex"]
    tricky = dogs.order_by(col(Dog.tricks).desc())
    page = tricky.page(size=2)
    assert [dog.name for dog in page] == ["rex", "bea"]
    assert [dog.name for dog in tricky.page(page.next)] == ["leo", "max"]
    animals = repository(Animal, db).order_by(Animal.kind, col(Animal.name).desc())
    first = animals.page(size=2)
    assert [animal.name for animal in first] == ["cat", "rex"]
    assert [animal.name for animal in animals.page(first.next)] == ["max", "leo", "bea"]
