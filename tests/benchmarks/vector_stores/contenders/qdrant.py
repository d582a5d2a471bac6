"""Qdrant Edge, in process."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from tests.benchmarks.vector_stores.contenders.base import EFS, Hand, Kept, Way
from tests.benchmarks.vector_stores.contenders.rows import ids_of
from tests.benchmarks.vector_stores.given import DIMENSION, Ask, Row, Source

_NAME = "embedding"


class Qdrant(Kept):
    name = "qdrant-edge"
    setting = "cosine, bucket indexed, else its defaults"
    packages = ("qdrant_edge",)
    efs = (128, *EFS)
    folders = ("qdrant-edge",)

    @contextmanager
    def built(self, source: Source) -> Generator[_Shard]:
        qdrant = import_module("qdrant_edge")
        vectors = {_NAME: qdrant.EdgeVectorParams(size=DIMENSION, distance=qdrant.Distance.Cosine)}
        config = qdrant.EdgeConfig(vectors=vectors)
        shard = qdrant.EdgeShard.create(str(source.place(self.name)), config)
        operations, kind = qdrant.UpdateOperation, qdrant.PayloadSchemaType.Integer
        shard.update(operations.create_field_index("bucket", kind))
        for rows in source.chunks(1_000):
            shard.update(operations.upsert_points([*map(_point, rows)]))
        while shard.optimize():
            pass
        shard.flush()
        yield _Shard(shard)
        shard.close()

    @contextmanager
    def opened(self, source: Source) -> Generator[_Shard]:
        shard = import_module("qdrant_edge").EdgeShard.load(str(source.place(self.name)))
        yield _Shard(shard)
        shard.close()


class _Shard:
    def __init__(self, shard: Any) -> None:
        self._shard = shard

    def hand(self, *, writing: bool = False) -> Hand:
        return Hand(
            {
                "": Way(self._rows, ids_of),
                "ranking only": Way(
                    lambda ask: self._nearest(ask, whole=False), _ids, gives_rows=False
                ),
            },
            self._insert,
        )

    def _rows(self, ask: Ask) -> Any:
        """What a point holds becomes Python's when it is read."""
        found = self._nearest(ask, whole=True)
        return [(point.id, point.payload, point.vector) for point in found]

    def _insert(self, row: Row) -> None:
        upsert = import_module("qdrant_edge").UpdateOperation.upsert_points
        self._shard.update(upsert([_point(row)]))

    def _nearest(self, ask: Ask, *, whole: bool) -> Any:
        qdrant = import_module("qdrant_edge")
        only = None
        if ask.buckets is not None:
            below = qdrant.RangeFloat(lt=ask.buckets)
            only = qdrant.Filter(must=[qdrant.FieldCondition("bucket", range=below)])
        asked = qdrant.QueryRequest(
            limit=ask.k,
            query=qdrant.Query.Nearest(ask.query.tolist(), using=_NAME),
            filter=only,
            params=qdrant.SearchParams(hnsw_ef=ask.reach),
            with_vector=whole,
            with_payload=whole,
        )
        return self._shard.query(asked)


def _ids(answer: Any) -> list[int]:
    return [point.id for point in answer]


def _point(row: Row) -> Any:
    payload = {"title": row.title, "topic": row.topic, "bucket": row.bucket}
    point: Any = import_module("qdrant_edge").Point
    return point(id=row.id, vector={_NAME: row.embedding.tolist()}, payload=payload)
