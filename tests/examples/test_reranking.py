"""`examples/reranking.py` as a user runs it, with a cross-encoder's interface and without."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
ENCRYPTION = """\
encrypt a disk: nearest
   0.475  misc         ecryptfs-utils: ecryptfs cryptographic filesystem (utilities)
   0.407  misc         luckyluks: GUI for creating and unlocking LUKS/TrueCrypt
   0.349  libdevel     libblockdev-crypto-dev: Crypto plugin for libblockdev - development
re-ranked
   0.500  golang       golang-github-xenolf-lego-dev: Let's Encrypt ACME library
   0.500  utils        amanda-client: Advanced Maryland Automatic Network Disk Archiver (Client)
   0.500  web          certbot: automatically configure HTTPS using Let's Encrypt
diverse
   0.475  misc         ecryptfs-utils: ecryptfs cryptographic filesystem (utilities)
   0.407  misc         luckyluks: GUI for creating and unlocking LUKS/TrueCrypt
   0.307  net          ftpd-ssl: FTP server with SSL encryption support
one per section
   0.475  misc         ecryptfs-utils: ecryptfs cryptographic filesystem (utilities)
   0.349  libdevel     libblockdev-crypto-dev: Crypto plugin for libblockdev - development
   0.339  libs         librte-crypto-bcmfs23: Data Plane Development Kit (librte-crypto-bcmfs runtim
"""
ENCODER = '''
class CrossEncoder:
    """Scores a passage by its length."""

    def __init__(self, name):
        print("loaded", name)

    def predict(self, pairs):
        assert all(len(pair) == 2 for pair in pairs)
        return [len(passage) for _, passage in pairs]
'''


def reranking(*arguments: str, path: Path = ROOT) -> subprocess.CompletedProcess[str]:
    fixed = {"PYTHONPATH": f"{path}{os.pathsep}{ROOT}", "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(
        [sys.executable, ROOT / "examples" / "reranking.py", *arguments],
        env=dict(os.environ) | fixed,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


def test_it_runs_by_shared_words() -> None:
    done = reranking()
    assert (done.returncode, done.stderr) == (0, "")
    assert ENCRYPTION in done.stdout
    assert done.stdout.count("re-ranked\n") == 20


def test_a_cross_encoder_is_given_pairs(tmp_path: Path) -> None:
    (tmp_path / "sentence_transformers.py").write_text(ENCODER, encoding="utf-8")
    done = reranking("--model", "cross-encoder/x", path=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("loaded cross-encoder/x\n")
    scores = [line.split()[0] for line in done.stdout.split("re-ranked\n")[1].splitlines()[:3]]
    assert [float(score) for score in scores] == sorted(map(float, scores), reverse=True)
    assert float(scores[0]) > 50
