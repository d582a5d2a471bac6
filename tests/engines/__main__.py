"""The child process of a test run that serves one engine: `python -m tests.engines NAME`."""

from __future__ import annotations

import sys

from tests.engines import ENGINES
from tests.engines.supervision import supervise

supervise(next(engine for engine in ENGINES if engine.name == sys.argv[1]))
