"""Chroma, embedded and persistent."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from tests.benchmarks.vector_stores.contenders.base import Hand, Kept, Way
from tests.benchmarks.vector_stores.given import Ask, Row, Source

_WHOLE = ["metadatas", "embeddings", "distances"]


class Chroma(Kept):
    name = "chroma"
    setting = "cosine, else its defaults"
    packages = ("chromadb",)
    folders = ("chroma",)

    @contextmanager
    def built(self, source: Source) -> Generator[_Collection]:
        texts = self._client(source).create_collection(
            "texts", configuration={"hnsw": {"space": "cosine"}}, embedding_function=None
        )
        for rows in source.chunks():
            _add(texts, rows)
        yield _Collection(texts)

    @contextmanager
    def opened(self, source: Source) -> Generator[_Collection]:
        yield _Collection(self._client(source).get_collection("texts", embedding_function=None))

    def _client(self, source: Source) -> Any:
        settings = import_module("chromadb.config").Settings(anonymized_telemetry=False)
        made: Any = import_module("chromadb").PersistentClient
        return made(path=str(source.place(self.name)), settings=settings)


class _Collection:
    def __init__(self, texts: Any) -> None:
        self._texts = texts

    def hand(self, *, writing: bool = False) -> Hand:
        return Hand(
            {
                "": Way(lambda ask: self._nearest(ask, _WHOLE), _ids),
                "ranking only": Way(
                    lambda ask: self._nearest(ask, ["distances"]), _ids, gives_rows=False
                ),
            },
            lambda row: _add(self._texts, [row]),
        )

    def _nearest(self, ask: Ask, include: list[str]) -> Any:
        where = None if ask.buckets is None else {"bucket": {"$lt": ask.buckets}}
        return self._texts.query(
            query_embeddings=[ask.query], n_results=ask.k, where=where, include=include
        )


def _ids(answer: Any) -> list[int]:
    return [*map(int, answer["ids"][0])]


def _add(texts: Any, rows: list[Row]) -> None:
    texts.add(
        ids=[str(row.id) for row in rows],
        embeddings=[row.embedding for row in rows],
        metadatas=[{"title": row.title, "topic": row.topic, "bucket": row.bucket} for row in rows],
    )
