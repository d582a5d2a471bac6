"""Sources, their documents and the documents' chunks; the dimension of the vectors."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import agentorm
from agentorm.memory.dimensions import MOST_INDEXED, dimensions, recording

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.prepare_vectors()
    op.create_table(
        "agentorm_setting",
        sa.Column("name", agentorm.StringType(255), nullable=False),
        sa.Column("value", agentorm.StringType(255), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_agentorm_setting"),
        if_not_exists=True,
    )
    for statement in recording():
        op.execute(statement)
    op.create_table(
        "agentorm_source",
        sa.Column("id", agentorm.IntegerType(), nullable=False),
        sa.Column("uri", agentorm.StringType(255), nullable=False),
        sa.Column("title", agentorm.StringType(), nullable=True),
        sa.Column("meta", agentorm.JSONType(), nullable=False),
        sa.Column("created_at", agentorm.DateTimeType(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_agentorm_source"),
        sa.UniqueConstraint("uri", name="uq_agentorm_source_uri"),
        if_not_exists=True,
    )
    op.create_table(
        "agentorm_document",
        sa.Column("id", agentorm.IntegerType(), nullable=False),
        sa.Column("source_id", agentorm.IntegerType(), nullable=False),
        sa.Column("uri", agentorm.StringType(255), nullable=False),
        sa.Column("title", agentorm.StringType(), nullable=True),
        sa.Column("hash", agentorm.StringType(64), nullable=True),
        sa.Column("meta", agentorm.JSONType(), nullable=False),
        sa.Column("created_at", agentorm.DateTimeType(), nullable=False),
        sa.Column("updated_at", agentorm.DateTimeType(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_agentorm_document"),
        sa.UniqueConstraint("source_id", "uri", name="uq_agentorm_document_source_id_uri"),
        sa.ForeignKeyConstraint(
            ["source_id"],
            ["agentorm_source.id"],
            name="fk_agentorm_document_source_id",
            ondelete="CASCADE",
        ),
        if_not_exists=True,
    )
    op.create_table(
        "agentorm_chunk",
        sa.Column("id", agentorm.IntegerType(), nullable=False),
        sa.Column("document_id", agentorm.IntegerType(), nullable=False),
        sa.Column("position", agentorm.IntegerType(), nullable=False),
        sa.Column("hash", agentorm.StringType(64), nullable=False),
        sa.Column("text", agentorm.StringType(), nullable=False),
        sa.Column("meta", agentorm.JSONType(), nullable=False),
        sa.Column("embedding", agentorm.VectorType(dimensions()), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_agentorm_chunk"),
        sa.UniqueConstraint(
            "document_id", "position", name="uq_agentorm_chunk_document_id_position"
        ),
        sa.ForeignKeyConstraint(
            ["document_id"],
            ["agentorm_document.id"],
            name="fk_agentorm_chunk_document_id",
            ondelete="CASCADE",
        ),
        if_not_exists=True,
    )
    op.create_index("ix_agentorm_chunk_hash", "agentorm_chunk", ["hash"], if_not_exists=True)
    if dimensions() <= MOST_INDEXED:
        op.create_vector_index(
            "ix_agentorm_chunk_embedding_hnsw",
            "agentorm_chunk",
            "embedding",
            agentorm.HNSW(m=16, ef_construction=64),
            metric="cosine",
            if_not_exists=True,
        )


def downgrade() -> None:
    if dimensions() <= MOST_INDEXED:
        op.drop_vector_index(
            "ix_agentorm_chunk_embedding_hnsw",
            "agentorm_chunk",
            "embedding",
            agentorm.HNSW(m=16, ef_construction=64),
            metric="cosine",
            if_exists=True,
        )
    for table in ("chunk", "document", "source", "setting"):
        op.drop_table(f"agentorm_{table}", if_exists=True)
