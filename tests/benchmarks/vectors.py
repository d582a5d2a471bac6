"""Nearest vectors beside the vector stores people use: ``python tests/benchmarks/vectors.py``.

Real embeddings with queries that are not among them: latency, recall, building, memory, disk,
reopening, filters, inserts while searching, and threads. Each store is built and opened again in a
process of its own, which tells the seconds and the memory; then all are open in one process and
take turns. What is not installed is named and left out: ``pip install --group bench-vectors``.
pgvector takes part where ``AGENTORM_TEST_POSTGRESQL_URL`` names a server.
"""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> int:
    """Run as a script or as a module of the checkout."""
    sys.path.insert(0, str(Path(__file__).parents[2]))
    from tests.benchmarks.vector_stores.command import run

    return run(sys.argv[1:], __doc__ or "")


if __name__ == "__main__":
    sys.exit(main())
