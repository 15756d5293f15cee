"""The memory that is told is that of the process, however large the one was that started it."""

import subprocess
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]


def test_peak_memory_is_not_inherited() -> None:
    large = np.ones(100_000_000)  # 800 MB
    code = "from benchmarks.browse import peak_memory_mb; print(peak_memory_mb())"
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert 5 < float(told) < 400 < large.nbytes / 1e6
