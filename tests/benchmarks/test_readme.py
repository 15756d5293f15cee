"""The README's scores are those of the cards."""

import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks import readme
from benchmarks.timing import Figure
from fer_core.labels import FER7

FIGURES = {
    "n": 1000,
    "accuracy": 0.75,
    "accuracy_interval": [0.722, 0.776],
    "balanced_accuracy": 0.5,
    "macro_f1": 0.4321,
    "ece": 0.0567,
    "per_class": {"angry": {"n": 1000, "recall": 0.75, "recall_interval": [0.722, 0.776]}},
}
APART = FIGURES | {"n": 900, "accuracy": 0.7, "accuracy_interval": [0.669, 0.729]}
TEXT = "# Name\n\n<!-- scores -->\nold\n<!-- /scores -->\n\nwords\n\n<!-- speed -->\nslow\n<!-- /speed -->\nend\n"


def test_scores_are_those_of_the_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["readme", "--check"])
    readme.main()


@pytest.fixture
def text(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, make_checkpoint: Callable[..., Any]) -> Path:
    """A README, and three shipped checkpoints: one knows of twins and its time, one has learnt votes."""
    known = FIGURES | {"twins_in_train": 100, "deduplicated": APART}
    took = {"median_ms": 4.321, "interval": [4, 5], "n": 9, "threads": 1, "machine": "m"}
    make_checkpoint(tmp_path / "shipped" / "compact", metrics={"validation": known}, latency={"float32": took})
    learnt = {
        "data": "d",
        "data_hash": "0",
        "n": 9,
        "seed": 0,
        "selected_on": "",
        "recipe": {"labels": "ferplus-majority"},
    }
    make_checkpoint(tmp_path / "shipped" / "voted", metrics={"validation": FIGURES}, trained=learnt)
    make_checkpoint(tmp_path / "shipped" / "zebra", metrics={"validation": FIGURES})
    monkeypatch.setattr(readme, "SHIPPED_CHECKPOINTS", tmp_path / "shipped")
    monkeypatch.setattr(readme, "README", tmp_path / "README.md")
    (tmp_path / "README.md").write_text(TEXT)
    return tmp_path / "README.md"


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["readme", *arguments])
    readme.main()


def test_scores_are_written_and_nothing_else(text: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit, match=r"run python -m benchmarks\.readme --scores"):
        run(monkeypatch, "--check")
    assert text.read_text() == TEXT
    run(monkeypatch, "--scores")
    parameters = json.loads((text.parent / "shipped" / "compact" / "card.json").read_text())["parameters"]
    tables = """Labels: as given with the data.

| checkpoint | parameters | faces | top-1 [95 % interval] | balanced accuracy | macro-F1 | ECE | one face |
|---|--:|--:|---|--:|--:|--:|--:|
| `compact` | COUNT | 1,000 | 75.0 % [72.2, 77.6] | 50.0 % | 0.432 | 0.057 | 4.3 ms |
| without 100 exact twins of training faces |  | 900 | 70.0 % [66.9, 72.9] | 50.0 % | 0.432 | 0.057 |  |
| `zebra` | COUNT | 1,000 | 75.0 % [72.2, 77.6] | 50.0 % | 0.432 | 0.057 |  |

| recall of | n | `compact` | `zebra` |
|---|--:|---|---|
| angry | 1,000 | 75.0 % [72.2, 77.6] | 75.0 % [72.2, 77.6] |

Labels: FER+'s majority.

| checkpoint | parameters | faces | top-1 [95 % interval] | balanced accuracy | macro-F1 | ECE | one face |
|---|--:|--:|---|--:|--:|--:|--:|
| `voted` | COUNT | 1,000 | 75.0 % [72.2, 77.6] | 50.0 % | 0.432 | 0.057 |  |

| recall of | n | `voted` |
|---|--:|---|
| angry | 1,000 | 75.0 % [72.2, 77.6] |""".replace("COUNT", f"{parameters:,}")
    before, _, after = TEXT.partition("old")
    written = text.read_text()
    assert written == before + tables + after
    run(monkeypatch, "--check")
    text.write_text(written.replace("77.6] | 50", "77.7] | 50"))
    with pytest.raises(SystemExit, match="not those of the cards"):
        run(monkeypatch, "--check")


def test_speed_is_measured_and_says_where_and_what_was_missed(text: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With stand-ins in the place of the scripts, which take minutes; two of them, each in a process of its own."""
    monkeypatch.setattr(readme, "SCRIPTS", ("a", "b"))
    monkeypatch.setattr(readme, "_figures", figures_of_tests)
    run(monkeypatch)
    _, speed, _ = readme.between_marks(text.read_text(), "speed")
    first, _, _, _, *rows = speed.splitlines()
    assert first.startswith("Measured on ")
    assert " cores of " in first
    walking, flying = rows[:2]
    assert re.fullmatch(r"\| walking in \d+ \| 5 km/h \| 4 km/h \| `a` \|", walking)
    assert re.fullmatch(r"\| flying \| 0 km/h: \*\*missed\*\* \| 1 km/h \| `a` \|", flying)
    assert len(rows) == 4
    processes = {row.split(" | ")[0] for row in rows if "walking" in row}
    assert len(processes) == 2
    assert f"| walking in {os.getpid()}" not in processes


def figures_of_tests(_: str) -> list[Figure]:
    where = f"walking in {os.getpid()}"
    return [Figure(where, "5 km/h", "4 km/h", met=True), Figure("flying", "0 km/h", "1 km/h", met=False)]


@pytest.mark.parametrize("text", ["nothing", "<!-- x -->\na\n<!-- /x -->\n<!-- x -->\nb\n<!-- /x -->"])
def test_marks_must_stand_there_once(text: str) -> None:
    with pytest.raises(SystemExit, match="needs <!-- x --> and <!-- /x -->"):
        readme.between_marks(text, "x")


def test_classes_of_the_shipped_checkpoint_are_all_in_the_table() -> None:
    rows = [line.split(" | ")[0].removeprefix("| ") for line in readme.scores().splitlines()]
    first = rows.index("recall of") + 2
    assert rows[first : first + 7] == list(FER7.names)
