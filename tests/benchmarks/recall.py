"""Recall and latency of every engine's vector index: ``python tests/benchmarks/recall.py``.

On the 100,000 real embeddings, at defaults and tuned, without a filter and behind filters that
10 %, 1 % and 0.1 % of the rows pass. Recall@10 is the share of the ten true nearest, by numpy in
float64 over the same rows, that a search finds; latency that of ``hits()`` with a limit of 10, in
a transaction of its own. With URLs, the tables are made in those databases. Without, the servers
that the test suite uses serve, those of ``AGENTORM_TEST_POSTGRESQL_URL`` and its like or one
started for the run, each with a database ``agentorm_bench``. All is dropped in the end, unless it
is to be kept for the next run, which then need not fill the tables.
"""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> int:
    """Run as a script or as a module of the checkout."""
    sys.path.insert(0, str(Path(__file__).parents[2]))
    from tests.benchmarks.index_recall.command import run

    return run(sys.argv[1:], __doc__ or "")


if __name__ == "__main__":
    sys.exit(main())
