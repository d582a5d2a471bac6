"""How columns are rendered, and which changes of them are seen."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import render_python_code
from alembic.migration import MigrationContext
from alembic.operations import Operations, ops
from sqlalchemy import Boolean, Column, Date, MetaData, Table
from sqlalchemy.types import TypeEngine

import agentorm
from agentorm import (
    BytesType,
    DateTimeType,
    DecimalType,
    DurationType,
    EnumType,
    FloatType,
    IntegerType,
    JSONType,
    NaiveDateTimeType,
    StringType,
    TimeType,
    UuidType,
    VectorType,
    dialects,
)
from agentorm.migrations.rendering import written
from tests.migrations.harness import Project


class Hue(Enum):
    red = 1
    blue = 2


WRITTEN: dict[str, TypeEngine[Any]] = {
    "agentorm.BytesType()": BytesType(),
    "agentorm.BytesType(16)": BytesType(16),
    "agentorm.DateTimeType()": DateTimeType(),
    "agentorm.DecimalType(18, 6)": DecimalType(),
    "agentorm.DecimalType(12, 2)": DecimalType(12, 2),
    "agentorm.DurationType()": DurationType(),
    "agentorm.StringType(255)": EnumType(Hue),
    "agentorm.StringType(20)": EnumType(Hue, 20),
    "agentorm.FloatType()": FloatType(),
    "agentorm.IntegerType()": IntegerType(),
    "agentorm.JSONType()": JSONType(),
    "agentorm.NaiveDateTimeType()": NaiveDateTimeType(),
    "agentorm.StringType()": StringType(),
    "agentorm.StringType(50)": StringType(50),
    "agentorm.TimeType()": TimeType(),
    "agentorm.UuidType()": UuidType(),
    "agentorm.VectorType()": VectorType(),
    "agentorm.VectorType(384)": VectorType(384),
}


def dialect_of(engine: str) -> Any:
    return sa.make_url(f"{engine}://").get_dialect()()


@pytest.mark.parametrize("text", WRITTEN)
@pytest.mark.parametrize("engine", dialects.names())
def test_a_type_is_written_so_that_it_makes_the_same_column(text: str, engine: str) -> None:
    type_ = WRITTEN[text]
    dialect = dialect_of(engine)
    assert written(type_) == text
    again = eval(text, {"agentorm": agentorm})  # noqa: S307
    assert again.compile(dialect=dialect) == type_.compile(dialect=dialect)


def one_column(type_: TypeEngine[Any], *, nullable: bool = True) -> MetaData:
    metadata = MetaData()
    Table(
        "m_one",
        metadata,
        Column("id", IntegerType(), primary_key=True, autoincrement=False),
        Column("c", type_, nullable=nullable),
    )
    return metadata


def test_a_revision_imports_what_it_uses_and_nothing_else(url: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "p", url)
    plain = MetaData()
    Table("m_plain", plain, Column("id", sa.Integer, primary_key=True))
    assert "agentorm" not in project.revise(plain)
    project.upgrade()
    Table("m_one", plain, Column("id", sa.Integer, primary_key=True), Column("c", StringType(9)))
    revision = project.revise(plain)
    assert "\nimport agentorm\n" in revision
    assert "sa.Column('c', agentorm.StringType(9), nullable=True)" in revision
    assert "prepare_vectors" not in revision


ALL = [*WRITTEN.values(), Boolean(), Date()]


def test_every_type_is_found_as_it_was_made_and_no_other(url: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "p", url)
    metadata = MetaData()
    names = [f"c{n}" for n in range(len(ALL))]
    columns = [Column(name, type_) for name, type_ in zip(names, ALL, strict=True)]
    Table("m_all", metadata, Column("id", IntegerType(), primary_key=True), *columns)
    project.revise(metadata)
    project.upgrade()
    assert project.difference(metadata) == ""
    dialect = project.dialect
    for other in ALL:
        wanted = MetaData()
        table = Table("m_all", wanted, Column("id", IntegerType(), primary_key=True))
        for name in names:
            table.append_column(Column(name, other))
        told = project.difference(wanted)
        for name, type_ in zip(names, ALL, strict=True):
            differs = type_.compile(dialect=dialect) != other.compile(dialect=dialect)
            same_bytes = "BLOB" in {t.compile(dialect=dialect) for t in (type_, other)} and (
                isinstance(other, VectorType) and isinstance(type_, BytesType | VectorType)
            )
            if not same_bytes:
                assert (f"'m_all', '{name}'," in told) is differs, (type_, other)


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        (StringType(50), StringType(100), "agentorm.StringType(100)"),
        (IntegerType(), StringType(40), "agentorm.StringType(40)"),
        (StringType(), StringType(255), "agentorm.StringType(255)"),
    ],
)
def test_a_changed_type_is_seen_and_taken_back(
    url: str, tmp_path: Path, before: Any, after: Any, text: str
) -> None:
    project = Project(tmp_path / "p", url, render_as_batch=True)
    project.revise(one_column(before))
    project.upgrade()
    with project.rows() as connection:
        value = 7 if isinstance(before, IntegerType) else "7"
        one = one_column(before).tables["m_one"]
        connection.execute(one.insert(), [{"id": 1, "c": value}])
        connection.commit()
    revision = project.revise(one_column(after))
    assert f"existing_type={written(before)}" in revision
    assert f"type_={text}" in revision
    if isinstance(before, IntegerType) and "postgresql" in url:
        return  # its text needs USING, and its way back too
    project.upgrade()
    assert project.difference(one_column(after)) == ""
    project.downgrade()
    assert project.difference(one_column(before)) == ""
    with project.rows() as connection:
        assert connection.execute(one.select()).one() == (1, value)


def test_null_is_allowed_and_refused_again(url: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "p", url, render_as_batch=True)
    project.revise(one_column(VectorType(3)))
    project.upgrade()
    with project.rows() as connection:
        one = one_column(VectorType(3)).tables["m_one"]
        connection.execute(one.insert(), [{"id": 1, "c": [1, 2, 3]}])
        connection.commit()
    revision = project.revise(one_column(VectorType(3), nullable=False))
    assert "existing_type=agentorm.VectorType(3)" in revision
    assert "nullable=False" in revision
    project.upgrade()
    assert project.difference(one_column(VectorType(3), nullable=False)) == ""
    project.downgrade()
    assert project.difference(one_column(VectorType(3))) == ""
    with project.rows() as connection:
        assert connection.execute(one.select()).one() == (1, agentorm.Vector([1, 2, 3]))


def test_a_reflected_table_has_vectors_with_their_dimension(url: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "p", url)
    project.revise(one_column(VectorType(3)))
    project.upgrade()
    with project.rows() as connection:
        table = Table("m_one", MetaData(), autoload_with=connection)
        assert repr(table.c.c.type) == "VectorType(3)"
        connection.execute(table.insert(), [{"id": 1, "c": [1, 2, 3]}])
        assert connection.execute(table.select()).one() == (1, agentorm.Vector([1, 2, 3]))
        (_, column) = sa.inspect(connection).get_columns("m_one")
        assert repr(column["type"]) == "VectorType(3)"


def test_a_vector_is_written_where_nothing_is_bound() -> None:
    statement = sa.literal([0.1, -2, 3e20], VectorType(3))
    said = {
        name: str(
            statement.compile(
                dialect=dialect_of(name),
                compile_kwargs={"literal_binds": True},
            )
        )
        for name in ("sqlite", "postgresql", "mariadb", "mysql")
    }
    packed = "X'cdcccc3d000000c0b11a8261'"
    assert said == {
        "sqlite": packed,
        "postgresql": "'[0.10000000149011612,-2.0,3.000000060122632e+20]'",
        "mariadb": packed,
        "mysql": packed,
    }


def test_the_projects_own_rendering_goes_first(url: str, tmp_path: Path) -> None:
    def own(kind: str, item: object, context: object) -> str | bool:
        return "sa.Text()" if isinstance(item, StringType) else False

    project = Project(tmp_path / "p", url, render_item=own)
    revision = project.revise(one_column(StringType(9)))
    assert "sa.Column('c', sa.Text(), nullable=True)" in revision
    assert "agentorm.IntegerType()" in revision


def test_variants_of_a_type_are_written_too() -> None:
    column: Column[Any] = Column("c", StringType(9).with_variant(sa.String(5), "oracle"))
    text = render_python_code(ops.UpgradeOps([ops.AddColumnOp("t", column)]))
    assert "agentorm.scalars.StringType(length=9).with_variant(sa.String(length=5)" in text


def test_a_batch_renames_a_column_of_a_type_of_ours() -> None:
    with sa.create_engine("sqlite://").begin() as connection:
        connection.execute(
            sa.text("CREATE TABLE renamed_age (id INTEGER PRIMARY KEY, age INTEGER)")
        )
        connection.execute(sa.text("INSERT INTO renamed_age VALUES (1, 5)"))
        op = Operations(MigrationContext.configure(connection))
        with op.batch_alter_table("renamed_age") as batch:
            batch.alter_column("age", new_column_name="years", existing_type=IntegerType())
        assert connection.execute(sa.text("SELECT years FROM renamed_age")).all() == [(5,)]
