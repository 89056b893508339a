"""A few broken files of each format; `python -m benchmarks.fuzz` gives it a hundred thousand."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the fuzzer forks and reads /proc")
def test_broken_files_give_nothing_but_errors_of_ours() -> None:
    command = [sys.executable, "-m", "benchmarks.fuzz", "--scans", "200", "--loads", "0", "--jobs", "1"]
    ended = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "scan: 200 inputs" in ended.stdout
