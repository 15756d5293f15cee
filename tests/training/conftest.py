"""Runs with folders of their own."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fer_core.data import SampleTable
from training.fit import Run
from training.recipe import Recipe


@pytest.fixture
def prepare(tmp_path: Path) -> Callable[..., Run]:
    """Makes runs; each name has folders of its own."""

    def make(recipe: Recipe, samples: SampleTable, name: str = "run") -> Run:
        return Run(recipe, samples, "drawn", tmp_path / "runs" / name, tmp_path / "checkpoints" / name)

    return make


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], capture_output=True, check=False)
    if made.returncode:
        pytest.skip("a file system can be mounted by root alone")
    yield folder
    subprocess.run(["umount", folder], check=True)
