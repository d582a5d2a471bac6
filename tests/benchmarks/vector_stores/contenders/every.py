"""All contenders, by the name in the report."""

from __future__ import annotations

from tests.benchmarks.vector_stores.contenders.base import Contender
from tests.benchmarks.vector_stores.contenders.chroma import Chroma
from tests.benchmarks.vector_stores.contenders.graphs import Faiss, Hnswlib, Usearch
from tests.benchmarks.vector_stores.contenders.lance import Lance
from tests.benchmarks.vector_stores.contenders.ours import Ours, OursWithFaiss
from tests.benchmarks.vector_stores.contenders.postgresql import PgVector
from tests.benchmarks.vector_stores.contenders.qdrant import Qdrant
from tests.benchmarks.vector_stores.contenders.sqlite_vec import Blobs, Vec0

_ALL: tuple[Contender, ...] = (
    Ours(), OursWithFaiss(), Blobs(), Vec0(), Hnswlib(), Faiss(), Usearch(), Chroma(), Lance(),
    Qdrant(), PgVector(),
)  # fmt: skip
CONTENDERS = {one.name: one for one in _ALL}
