"""Indexes of vectors alone, in memory and in a file of their own, beside rows in SQLite."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Generator
from contextlib import ExitStack, closing, contextmanager, nullcontext
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks.vector_stores.contenders import rows
from tests.benchmarks.vector_stores.contenders.base import EFS, Hand, Kept, Way
from tests.benchmarks.vector_stores.given import DIMENSION, Ask, Row, Source

M, EF_CONSTRUCTION = 16, 200
_SPARE = 10_000
_OVER = 10


class Graph(Kept):
    """An index that knows numbers and vectors; the rows are read by number."""

    efs = EFS
    is_store = False
    library = ""

    def write(self, source: Source) -> bool:
        return rows.write(source)

    @contextmanager
    def built(self, source: Source) -> Generator[_Searched]:
        index = self.made(source.vectors)
        with ExitStack() as stack:
            yield _Searched(self, index, source, stack)
        self.save(index, self._file(source))

    @contextmanager
    def opened(self, source: Source) -> Generator[_Searched]:
        index = self.loaded(self._file(source), source.count)
        with ExitStack() as stack:
            yield _Searched(self, index, source, stack)

    def _file(self, source: Source) -> Path:
        return source.place(self.library) / "graph"

    @abstractmethod
    def made(self, vectors: NDArray[np.float32]) -> Any:
        """An index of all vectors."""

    @abstractmethod
    def save(self, index: Any, file: Path) -> None:
        """To the file."""

    @abstractmethod
    def loaded(self, file: Path, count: int) -> Any:
        """From the file."""

    @abstractmethod
    def nearest(self, index: Any, ask: Ask, passing: Any) -> Any:
        """The numbers of the nearest; of those that pass alone, where these are given."""

    @abstractmethod
    def add(self, index: Any, row: Row) -> None:
        """One vector more."""


class _Searched:
    def __init__(self, graph: Graph, index: Any, source: Source, stack: ExitStack) -> None:
        self._graph, self._index, self._source, self._stack = graph, index, source, stack
        self._lock = Lock()

    def hand(self, *, writing: bool = False) -> Hand:
        """A search and an insert at once are only safe in turn."""
        table = self._stack.enter_context(closing(rows.Rows(self._source)))
        turn: Any = self._lock if writing else nullcontext()

        def keys(ask: Ask) -> Any:
            passing = None if ask.buckets is None else table.passing(ask.buckets)
            with turn:
                return self._graph.nearest(self._index, ask, passing)

        def insert(row: Row) -> None:
            table.insert(row)
            with turn:
                self._graph.add(self._index, row)

        return Hand(
            {
                "": Way(lambda ask: table.read(keys(ask)), rows.ids_of),
                "ranking only": Way(keys, lambda found: [*map(int, found)], gives_rows=False),
            },
            insert,
        )


class Hnswlib(Graph):
    name = "hnswlib + SQLite rows"
    setting = f"M={M}, ef_construction={EF_CONSTRUCTION}; filter: a function of the number"
    library = "hnswlib"
    folders = (rows.FOLDER, library)
    packages = ("hnswlib",)

    def made(self, vectors: NDArray[np.float32]) -> Any:
        index = import_module("hnswlib").Index(space="cosine", dim=DIMENSION)
        index.init_index(len(vectors) + _SPARE, ef_construction=EF_CONSTRUCTION, M=M)
        index.add_items(vectors, np.arange(len(vectors)))
        return index

    def save(self, index: Any, file: Path) -> None:
        index.save_index(str(file))

    def loaded(self, file: Path, count: int) -> Any:
        index = import_module("hnswlib").Index(space="cosine", dim=DIMENSION)
        index.load_index(str(file), max_elements=count + _SPARE)
        return index

    def nearest(self, index: Any, ask: Ask, passing: Any) -> Any:
        index.set_ef(ask.reach)
        given: dict[str, Any] = {"k": ask.k, "num_threads": 1}
        if passing is not None:
            given["filter"] = {*passing.tolist()}.__contains__
        try:
            numbers, _ = index.knn_query(ask.query, **given)
        except RuntimeError:  # it found fewer than k
            return []
        return numbers[0]

    def add(self, index: Any, row: Row) -> None:
        index.add_items(row.embedding, [row.id], num_threads=1)


class Faiss(Graph):
    name = "faiss + SQLite rows"
    setting = f"HNSW, M={M}, ef_construction={EF_CONSTRUCTION}; filter: IDSelectorBatch"
    library = "faiss"
    folders = (rows.FOLDER, library)
    packages = ("faiss",)

    def made(self, vectors: NDArray[np.float32]) -> Any:
        library = import_module("faiss")
        index = library.IndexHNSWFlat(DIMENSION, M, library.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = EF_CONSTRUCTION
        index.add(np.asarray(vectors))
        return index

    def save(self, index: Any, file: Path) -> None:
        import_module("faiss").write_index(index, str(file))

    def loaded(self, file: Path, count: int) -> Any:
        return import_module("faiss").read_index(str(file))

    def nearest(self, index: Any, ask: Ask, passing: Any) -> Any:
        library = import_module("faiss")
        told: dict[str, Any] = {"efSearch": ask.reach}
        if passing is not None:
            told["sel"] = library.IDSelectorBatch(passing)
        _, numbers = index.search(
            ask.query[None, :], ask.k, params=library.SearchParametersHNSW(**told)
        )
        return numbers[0][numbers[0] >= 0]

    def add(self, index: Any, row: Row) -> None:
        index.add(row.embedding[None, :])


class Usearch(Graph):
    name = "usearch + SQLite rows"
    setting = f"float16, M={M}; filter: {_OVER} times as many looked for, those that pass kept"
    library = "usearch"
    folders = (rows.FOLDER, library)
    packages = ("usearch",)

    def made(self, vectors: NDArray[np.float32]) -> Any:
        index = self._empty()
        index.add(np.arange(len(vectors)), np.asarray(vectors))
        return index

    def save(self, index: Any, file: Path) -> None:
        index.save(str(file))

    def loaded(self, file: Path, count: int) -> Any:
        index = self._empty()
        index.load(str(file))
        return index

    def nearest(self, index: Any, ask: Ask, passing: Any) -> Any:
        index.expansion_search = ask.reach
        if passing is None:
            return index.search(ask.query, ask.k).keys
        found = index.search(ask.query, _OVER * ask.k).keys
        return found[np.isin(found, passing)][: ask.k]

    def add(self, index: Any, row: Row) -> None:
        index.add(row.id, row.embedding)

    @staticmethod
    def _empty() -> Any:
        made: Any = import_module("usearch.index").Index
        return made(ndim=DIMENSION, metric="cos", dtype="f16", connectivity=M)
