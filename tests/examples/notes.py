"""The real packages as notes, and a server of its own for an app of the examples."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import numpy as np

ROOT = Path(__file__).parents[2]
DATA = ROOT / "examples" / "data"
SERVERS = ("lighttpd", "webfs", "nohang", "freetts", "knights")


@contextmanager
def serving(url: str, app: str) -> Generator[httpx.Client]:
    """A client of the app, whose server must not log any failure."""
    command = [sys.executable, "-m", "uvicorn", f"examples.{app}:app", "--port", "0"]
    with (
        subprocess.Popen(
            [*command, "--no-access-log"],
            cwd=ROOT,
            env=os.environ | {"AGENTORM_URL": url},
            stderr=subprocess.PIPE,
            encoding="utf-8",
        ) as server,
        ThreadPoolExecutor(1) as reader,
    ):
        assert server.stderr is not None
        try:
            place = address(server.stderr)
            log = reader.submit(server.stderr.read)
            with httpx.Client(base_url=place, timeout=30, trust_env=False) as client:
                yield client
        finally:
            server.terminate()
        assert "Traceback" not in log.result(), log.result()


def address(log: Iterable[str]) -> str:
    said = ""
    for line in log:
        said += line
        if found := re.search(r"running on (http://\S+)", line):
            return found[1]
    raise AssertionError(said)


@cache
def notes() -> dict[str, dict[str, Any]]:
    """The real packages as notes, by name."""
    lines = (DATA / "packages.jsonl").read_text(encoding="utf-8").splitlines()
    with np.load(DATA / "packages.npz") as arrays:
        vectors = arrays["embeddings"].tolist()
    packages = [json.loads(line) for line in lines]
    return {
        p["name"]: {"title": p["name"], "topic": p["section"], "body": p["summary"], "embedding": v}
        for p, v in zip(packages, vectors, strict=True)
    }


@cache
def question(text: str) -> list[float]:
    with np.load(DATA / "packages.npz") as arrays:
        place = arrays["queries"].tolist().index(text)
        vector: list[float] = arrays["query_embeddings"][place].tolist()
    return vector


def found(response: httpx.Response) -> list[str]:
    assert response.status_code == 200
    return [hit["note"]["title"] for hit in response.json()]
