"""The checkpoints that are shipped, none at first."""

from pathlib import Path

import pytest

from fer_core import checkpoint as checkpoints


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of shipped checkpoints, empty."""
    folder = tmp_path / "shipped"
    folder.mkdir()
    monkeypatch.setattr(checkpoints, "SHIPPED_CHECKPOINTS", folder)
    return folder
