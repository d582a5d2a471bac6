"""The benchmark of recall runs to its end on every engine, and reports what its page shows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect

from agentorm import Database
from tests.benchmarks.index_recall import command

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "tests" / "benchmarks" / "recall.py"
SHARES = [(1.0, 10), (0.1, 10), (0.01, 10), (0.001, 2)]
INDEXES = {
    "sqlite": {"none"},
    "postgresql": {"HNSW", "HNSW float16", "IVFFlat"},
    "mariadb": {"HNSW"},
    "mysql": {"none"},
}


def run(*arguments: object, folder: Path, cwd: Path = ROOT) -> str:
    """What it prints about the 2,000 packages of the examples."""
    ran = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=cwd,
        env=os.environ | {"AGENTORM_BENCH_DATA": str(folder)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.mark.untraced
def test_recall_is_measured_on_every_engine(url: str, engine_name: str, tmp_path: Path) -> None:
    file = tmp_path / "recall.json"
    run(SCRIPT, url, "--queries", 3, "--json", file, folder=tmp_path, cwd=tmp_path)
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    indexes = INDEXES[engine_name]
    assert {(one["engine"], one["index"]) for one in found["built"]} == {
        (engine_name, index) for index in indexes
    }
    plain = [one for one in found["measured"] if not one["filter_indexed"]]
    assert {one["index"] for one in plain} == indexes
    assert {(one["share"], one["rows"]) for one in plain} == {*SHARES}
    for one in plain:
        assert one["wrong"] == []
        assert one["rows"] == one["expected"]
        assert 0 < one["recall"] <= 1
        assert one["recall"] == 1 or one["exact"] < 1
        assert 0 < one["p50"] <= one["p95"]
    with Database(url) as db:
        assert [n for n in inspect(db.engine).get_table_names() if "recall" in n] == []


def test_it_is_a_module_too(tmp_path: Path) -> None:
    assert "recall.py [-h]" in run("-m", "tests.benchmarks.recall", "--help", folder=tmp_path)


def test_tables_that_are_kept_serve_again_and_a_report_is_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AGENTORM_BENCH_DATA", str(tmp_path))
    url, file, plot = f"sqlite:///{tmp_path / 'kept.db'}", tmp_path / "a.json", tmp_path / "a.svg"
    few = [url, "--rows", "1000", "--queries", "2"]
    assert command.run([*few, "--keep", "--json", str(file)], "") == 0
    out, err = capsys.readouterr()
    assert "1000 rows, 2 queries that are not among them, k = 10, cosine" in out
    assert "no filter:\nengine  index  setting " in out
    assert "recallplain: 1000 of 1000" in err
    assert command.run([*few, "--read", str(file), "--markdown"], "") == 0
    out, err = capsys.readouterr()
    assert "\n### No filter\n\n| engine | index | setting | recall@10 | p50 ms |" in out
    assert "\n| SQLite | none | defaults | 1.000 | " in out
    assert "recallplain: " not in err
    pytest.importorskip("matplotlib", exc_type=ImportError)
    assert command.run(["--read", str(file), "--plot", str(plot)], "") == 0
    assert "a filter that 0.1 % pass" in plot.read_text(encoding="utf-8")
