"""Counted in pages that the system had to hand out, in a process that has freed nothing before."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from training.allocator import freed_memory_kept

GLIBC = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="speaks to glibc")
COUNT = """
import resource, torch
from pathlib import Path
from training.allocator import freed_memory_kept

def faults(rounds):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(rounds):
        torch.ones(96 * 2**20, dtype=torch.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1])

pages = 96 * 2**20 // resource.getpagesize()
usual = faults(6)
before = resident()
with freed_memory_kept():
    faults(12)  # what is asked for is a little more than what was freed, so that a few blocks come to lie side by side
    kept = faults(6)
print(usual / pages, kept / pages, (resident() - before) / pages)
"""


@GLIBC
def test_pages_are_handed_out_once() -> None:
    done = subprocess.run([sys.executable, "-c", COUNT], capture_output=True, text=True, check=True, timeout=120)
    usual, kept, held = map(float, done.stdout.split())
    assert usual == pytest.approx(6, abs=0.2)  # else there is nothing to gain
    assert kept < 0.1
    assert held < 0.5  # afterwards it is given back


def test_without_glibc_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    monkeypatch.setattr("ctypes.CDLL", lambda _: pytest.fail("another system's library was opened"))
    with freed_memory_kept():
        pass


@GLIBC
def test_it_ends_with_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, tuple[int, ...]]] = []
    monkeypatch.setattr("training.allocator._glibc", lambda name: lambda *a: asked.append((name, a)))
    with pytest.raises(RuntimeError, match="diverged"), freed_memory_kept():
        raise RuntimeError("diverged")
    assert asked[:3] == [("mallopt", (-4, 0)), ("mallopt", (-1, -1)), ("mallopt", (-4, 65536))]
    assert asked[-1] == ("malloc_trim", (0,))
