"""What the library costs beside the raw driver and its peers: ``python tests/benchmarks/run.py``.

Every work is done by each contender in turn, in random order, in one process, on the same rows,
under the same rules of transactions; what is printed are ratios to the raw driver, round by round,
of this thread's CPU time and of wall time. The raw driver takes part twice: what the second copy
differs by is noise. SQLite takes part without being asked for. Of a server the suite uses the
database ``agentorm_bench`` of the one that ``AGENTORM_TEST_POSTGRESQL_URL`` and its like name, or
of one started for the run; or the very database of a URL. All is dropped in the end.
"""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> int:
    """Run as a script or as a module of the checkout."""
    sys.path.insert(0, str(Path(__file__).parents[2]))
    from tests.benchmarks.price.command import run

    return run(sys.argv[1:], __doc__ or "")


if __name__ == "__main__":
    sys.exit(main())
