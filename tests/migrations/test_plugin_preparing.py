"""What vectors need first, and scripts that are written without a database."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import NullPool, create_engine, make_url, text

from agentorm import HNSW, Vector
from agentorm.errors import ExtensionMissing
from tests.migrations.harness import Project
from tests.migrations.shapes import shaped

AT_ONCE = """
import sqlalchemy as sa
from alembic import op

import agentorm

revision, down_revision = "1", None


def upgrade():
    op.prepare_vectors()
    made = op.create_table("m_now", sa.Column("v", agentorm.VectorType(2)))
    op.bulk_insert(made, [{"v": [1, 2]}])
    found = op.get_bind().execute(made.select()).scalar_one()
    assert found == agentorm.Vector([1, 2])
"""


@pytest.mark.parametrize("text_of_revision", [AT_ONCE])
def test_vectors_can_be_written_as_soon_as_they_are_prepared(
    url: str, tmp_path: Path, text_of_revision: str
) -> None:
    project = Project(tmp_path / "p", url)
    (project.folder / "versions" / "one.py").write_text(text_of_revision)
    project.upgrade()
    with project.rows() as connection:
        stored = connection.execute(text("SELECT count(*) FROM m_now")).scalar_one()
    assert stored == 1


@pytest.mark.engines("postgresql")
def test_a_role_that_may_not_create_the_extension(url: str, tmp_path: Path) -> None:
    role, parsed = f"m_guest_{os.getpid()}", make_url(url)
    with create_engine(parsed, poolclass=NullPool).connect() as connection:
        connection.execute(text(f"CREATE ROLE {role} LOGIN PASSWORD 'guest'"))
        connection.execute(text(f"GRANT ALL ON SCHEMA public TO {role}"))
        connection.commit()
    try:
        guest = parsed.set(username=role, password="guest")  # noqa: S106
        project = Project(tmp_path / "p", guest.render_as_string(hide_password=False))
        project.revise(shaped(3))
        with pytest.raises(ExtensionMissing, match="CREATE EXTENSION IF NOT EXISTS vector"):
            project.upgrade()
    finally:
        with create_engine(parsed, poolclass=NullPool).connect() as connection:
            connection.execute(text(f"DROP OWNED BY {role}"))
            connection.execute(text(f"DROP ROLE {role}"))
            connection.commit()


HNSW_INDEX = (
    "CREATE INDEX ix_m_doc_embedding_hnsw ON m_doc USING hnsw (embedding vector_cosine_ops)"
    " WITH (m = 8, ef_construction = 32);"
)
ADD = "ALTER TABLE m_doc ADD COLUMN embedding {};"
SCRIPTS: dict[str, list[str]] = {
    "postgresql": [
        "CREATE EXTENSION IF NOT EXISTS vector;",
        ADD.format("VECTOR(2)"),
        "UPDATE m_doc SET embedding='[0.5,0.5]' WHERE embedding IS NULL;",
        "ALTER TABLE m_doc ALTER COLUMN embedding SET NOT NULL;",
        HNSW_INDEX,
        "DROP INDEX ix_m_doc_embedding_hnsw;",
        "ALTER TABLE m_doc ALTER COLUMN embedding DROP NOT NULL;",
        "UPDATE m_doc SET embedding=NULL;",
        "ALTER TABLE m_doc ALTER COLUMN embedding TYPE VECTOR(3) USING NULL;",
        "UPDATE m_doc SET embedding='[1.0,1.0,1.0]' WHERE embedding IS NULL;",
        "ALTER TABLE m_doc ALTER COLUMN embedding SET NOT NULL;",
    ],
    "mariadb": [
        ADD.format("VECTOR(2)"),
        "UPDATE m_doc SET embedding=X'0000003f0000003f' WHERE embedding IS NULL;",
        "ALTER TABLE m_doc MODIFY embedding VECTOR(2) NOT NULL;",
        "CREATE VECTOR INDEX ix_m_doc_embedding_hnsw ON m_doc (embedding) M=8 DISTANCE=cosine;",
        "DROP INDEX ix_m_doc_embedding_hnsw ON m_doc;",
        "ALTER TABLE m_doc MODIFY embedding VECTOR(2) NULL;",
        "UPDATE m_doc SET embedding=NULL;",
        "ALTER TABLE m_doc MODIFY embedding VECTOR(3) NULL;",
        "UPDATE m_doc SET embedding=X'0000803f0000803f0000803f' WHERE embedding IS NULL;",
        "ALTER TABLE m_doc MODIFY embedding VECTOR(3) NOT NULL;",
    ],
}
SCRIPTS["mysql"] = [line for line in SCRIPTS["mariadb"] if " INDEX " not in line]
SCRIPTED = """
import sqlalchemy as sa
from alembic import op

import agentorm

revision, down_revision = "2", "{}"
INDEX = ("ix_m_doc_embedding_hnsw", "m_doc", "embedding", agentorm.HNSW(m=8, ef_construction=32))


def upgrade():
    op.prepare_vectors()
    column = sa.Column("embedding", agentorm.VectorType(2), nullable=False)
    op.add_vector_column("m_doc", column, fill=0.5)
    op.create_vector_index(*INDEX)
    op.drop_vector_index(*INDEX)
    op.resize_vector("m_doc", "embedding", agentorm.VectorType(3),
        existing=agentorm.VectorType(2), nullable=False, fill=1)


def downgrade():
    op.drop_column("m_doc", "embedding")
"""


@pytest.mark.engines("postgresql", "mariadb", "mysql")
def test_a_script_says_what_a_connection_would_be_told(
    engine_name: str, url: str, tmp_path: Path
) -> None:
    project = Project(tmp_path / "p", url)
    revision = project.revise(shaped())
    first = revision.split("revision: str = '")[1].split("'")[0]
    project.upgrade()
    (project.folder / "versions" / "two.py").write_text(SCRIPTED.format(first))
    script = project.sql(f"{first}:2")
    lines = [line for line in script.splitlines() if not line.startswith("--")]
    statements = [" ".join(part.split()) + ";" for part in "\n".join(lines).split(";")]
    around = ("BEGIN", "COMMIT", "UPDATE alembic_version", ";")
    said = [statement for statement in statements if not statement.startswith(around)]
    assert said == SCRIPTS[engine_name]
    project.upgrade()
    assert project.difference(shaped(3)) == ""
    with project.connected() as connection:
        project_rows: list[Any] = [*connection.execute(text("SELECT id FROM m_doc"))]
    assert project_rows == []


def test_a_script_of_new_tables(url: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "p", url)
    project.revise(shaped(3, index=HNSW()))
    script = project.sql()
    assert "CREATE TABLE m_doc" in script
    assert ("CREATE EXTENSION" in script) is ("postgresql" in url)
    assert Vector([1]).tobytes().hex() not in script
