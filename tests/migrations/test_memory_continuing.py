"""A revision that failed is mended and run again, on engines that keep what it did too."""

from __future__ import annotations

import pytest
from sqlalchemy import Column, ForeignKey, MetaData, Table, inspect
from sqlalchemy.exc import DBAPIError

from agentorm import IntegerType, SchemaMismatch, StringType
from tests.migrations.memory_project import AFTER, BACK, BEFORE, BROKEN, SECOND, Project

FLAGGED = """\
op.create_table(
    "run_visit", sa.Column("id", agentorm.IntegerType(), primary_key=True), if_not_exists=True
)
op.add_column("run_owner", sa.Column("town", agentorm.StringType(50)), if_not_exists=True)
op.create_index("ix_run_owner_town", "run_owner", ["town"], if_not_exists=True)
op.drop_index("ix_run_owner_name", "run_owner", if_exists=True)
op.drop_column("run_pet", "age", if_exists=True)
"""
FLAGGED_BACK = """\
op.add_column("run_pet", sa.Column("age", agentorm.IntegerType()), if_not_exists=True)
op.create_index("ix_run_owner_name", "run_owner", ["name"], if_not_exists=True)
op.drop_index("ix_run_owner_town", "run_owner", if_exists=True)
op.drop_column("run_owner", "town", if_exists=True)
op.drop_table("run_visit", if_exists=True)
"""


def test_a_revision_that_failed_is_mended_and_run_again(project: Project, engine_name: str) -> None:
    for place in range(SECOND.count("\nop.") + 2):
        steps = SECOND.split("\nop.")
        broken = "\nop.".join(steps[:place]) + "\n" + BROKEN
        broken += "".join(f"op.{step}\n" for step in steps[max(place, 1) :])
        project.revision("b", "a", broken, BACK)
        with pytest.raises(DBAPIError):
            project.run("upgrade", "head")
        if engine_name in {"sqlite", "postgresql"}:
            assert project.schema() == BEFORE
        project.revision("b", "a", SECOND, BACK)
        project.run("upgrade", "head")
        assert project.schema() == AFTER
        project.run("downgrade", "a")
        assert project.schema() == BEFORE
    assert project.execute("SELECT id, name FROM run_owner ORDER BY id") == [
        (1, "Ada"),
        (2, "Bob"),
    ]
    assert project.execute("SELECT id, owner_id FROM run_pet ORDER BY id") == [(1, 1), (2, 2)]


def test_a_downgrade_that_failed_is_run_again(project: Project) -> None:
    project.revision("b", "a", SECOND, BACK + BROKEN)
    project.run("upgrade", "head")
    with pytest.raises(DBAPIError):
        project.run("downgrade", "a")
    project.revision("b", "a", SECOND, BACK)
    project.run("downgrade", "a")
    assert project.schema() == BEFORE


def test_two_revisions_are_both_undone_where_the_schema_is_transactional(
    project: Project, engine_name: str
) -> None:
    project.revision("b", "a", SECOND)
    project.revision("c", "b", BROKEN)
    with pytest.raises(DBAPIError):
        project.run("upgrade", "head")
    undone = engine_name in {"sqlite", "postgresql"}
    assert project.schema() == (BEFORE if undone else AFTER)
    assert project.execute("SELECT version_num FROM alembic_version") == [("a" if undone else "b",)]


def test_operations_that_say_so_are_left_out_where_they_are_done(project: Project) -> None:
    project.revision("b", "a", FLAGGED, FLAGGED_BACK)
    project.run("upgrade", "head")
    after = project.schema()
    project.execute("UPDATE alembic_version SET version_num = 'a'")
    project.run("upgrade", "head")
    assert project.schema() == after
    project.run("downgrade", "a")
    project.execute("UPDATE alembic_version SET version_num = 'b'")
    project.run("downgrade", "a")
    assert project.schema() == BEFORE


def test_operations_that_do_not_say_so_are_not(project: Project) -> None:
    project.execute("CREATE TABLE run_visit (id INTEGER PRIMARY KEY, day DATE)")
    project.revision("b", "a", SECOND)
    with pytest.raises(DBAPIError):
        project.run("upgrade", "head")


def test_a_table_of_other_columns_is_not_taken_for_done(project: Project) -> None:
    project.execute("CREATE TABLE run_visit (other INTEGER PRIMARY KEY)")
    project.revision("b", "a", FLAGGED)
    wanted = "run_visit, which the revision creates, is there without its columns id; if a failed"
    with pytest.raises(SchemaMismatch, match=wanted):
        project.run("upgrade", "head")
    project.execute("DROP TABLE run_visit")
    project.run("upgrade", "head")
    assert project.schema()["run_visit"] == ({"id"}, set())


def test_constraints_are_gone_on_with_too(project: Project) -> None:
    drop = """\
with op.batch_alter_table("run_pet") as batch:
    batch.drop_constraint("fk_run_pet_owner", type_="foreignkey")
"""
    unique = """\
with op.batch_alter_table("run_pet") as batch:
    batch.create_unique_constraint("uq_run_pet", ["owner_id", "age"])
"""
    project.revision("b", "a", drop + unique + BROKEN)
    with pytest.raises(DBAPIError):
        project.run("upgrade", "head")
    project.revision("b", "a", drop + unique)
    project.run("upgrade", "head")
    with project.db.engine.connect() as connection:
        found = inspect(connection)
        assert found.get_foreign_keys("run_pet") == []
        assert [c["name"] for c in found.get_unique_constraints("run_pet")] == ["uq_run_pet"]


def test_vectors_are_gone_on_with_too(project: Project) -> None:
    vectors = """\
op.prepare_vectors()
op.create_table(
    "run_doc",
    sa.Column("id", agentorm.IntegerType(), primary_key=True),
    sa.Column("embedding", agentorm.VectorType(3), nullable=False),
)
op.create_vector_index("ix_run_doc", "run_doc", "embedding", agentorm.HNSW())
other = sa.Column("other", agentorm.VectorType(2), nullable=False)
op.add_vector_column("run_doc", other, fill=0.0)
op.drop_vector_index("ix_run_doc", "run_doc", "embedding", agentorm.HNSW())
"""
    project.revision("b", "a", vectors + BROKEN)
    with pytest.raises(DBAPIError):
        project.run("upgrade", "head")
    project.revision("b", "a", vectors)
    project.run("upgrade", "head")
    assert project.schema()["run_doc"] == ({"id", "embedding", "other"}, set())


@pytest.mark.engines("mysql", "mariadb")
def test_what_comes_after_the_failed_revision_is_run_as_it_is(project: Project) -> None:
    project.revision("b", "a", SECOND + BROKEN)
    with pytest.raises(DBAPIError):
        project.run("upgrade", "head")
    project.revision("b", "a", SECOND)
    project.execute("CREATE TABLE run_other (id INTEGER PRIMARY KEY)")
    project.revision(
        "c", "b", 'op.create_table("run_other", sa.Column("id", sa.Integer, primary_key=True))'
    )
    with pytest.raises(DBAPIError, match="run_other"):
        project.run("upgrade", "head")
    assert project.execute("SELECT version_num FROM alembic_version") == [("b",)]
    project.run("upgrade", "head")  # by now it has failed itself
    with project.db.engine.connect() as connection:
        assert inspect(connection).get_table_comment("alembic_version")["text"] in {None, ""}


def test_what_is_autogenerated_is_gone_on_with(project: Project) -> None:
    metadata = MetaData()
    owner = Table(
        "run_owner",
        metadata,
        Column("id", IntegerType(), primary_key=True),
        Column("name", StringType(50), nullable=False, index=True),
        Column("town", StringType(50), index=True),
    )
    Table(
        "run_pet",
        metadata,
        Column("id", IntegerType(), primary_key=True),
        Column(
            "owner_id",
            IntegerType(),
            ForeignKey(owner.c.id, ondelete="CASCADE", name="fk_run_pet_owner"),
            nullable=False,
        ),
    )
    for name in ("run_shop", "run_visit"):
        Table(name, metadata, Column("id", IntegerType(), primary_key=True))
    project.run("revision", "made", autogenerate=True, rev_id="b", metadata=metadata)
    path = project.folder / "versions" / "b_made.py"
    written = path.read_text()
    path.write_text(written.replace("\ndef downgrade", f"    {BROKEN}\ndef downgrade"))
    with pytest.raises(DBAPIError):
        project.run("upgrade", "head")
    path.write_text(written)
    project.run("upgrade", "head")
    project.run("check", metadata=metadata)
    path.write_text(written + f"    {BROKEN}")
    with pytest.raises(DBAPIError):
        project.run("downgrade", "a")
    path.write_text(written)
    project.run("downgrade", "a")
    assert project.schema() == BEFORE
