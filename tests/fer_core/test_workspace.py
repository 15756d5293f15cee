"""What is old goes, what is in use stays."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fer_core.workspace import clear_old


def test_only_what_nobody_wrote_to_for_days_is_removed(home: Path) -> None:
    old, running, new = (home / "tasks" / name for name in ("old", "running", "new"))
    for folder in (old, running, new):
        folder.mkdir(parents=True)
        (folder / "log.txt").write_text("said")
    (home / "tasks" / "loose.txt").write_text("no folder")
    long_ago = time.time() - 31 * 86_400
    for path in (old / "log.txt", old, running, home / "tasks" / "loose.txt"):  # running: its log is fresh
        os.utime(path, (long_ago, long_ago))
    clear_old("tasks", days=30)
    assert sorted(path.name for path in (home / "tasks").iterdir()) == ["loose.txt", "new", "running"]
    clear_old("never-made", days=1)


def test_a_file_that_goes_away_meanwhile_is_no_failure(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = home / "tasks" / "going"
    folder.mkdir(parents=True)
    (folder / "log.txt").write_text("said")
    listed = Path.iterdir

    def taken_away(self: Path) -> Iterator[Path]:
        for path in list(listed(self)):
            path.unlink()
            yield path

    monkeypatch.setattr(Path, "iterdir", taken_away)
    clear_old("tasks", days=0)
    monkeypatch.undo()
    assert not list(folder.iterdir())
