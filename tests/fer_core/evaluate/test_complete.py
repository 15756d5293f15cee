"""A card's last figures: measured from the files, and compared over seeds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from fer_core.__main__ import app
from fer_core.card import read_card
from fer_core.checkpoint import Checkpoint
from fer_core.data import SampleTable
from fer_core.evaluate.complete import complete, one_face
from fer_core.evaluate.report import html_report, model_card
from fer_core.export.shipping import ship
from fer_core.predict import Predictor
from tests.fer_core.evaluate.seeds import trained
from tests.fer_core.evaluate.tables import table

Make = Callable[..., Checkpoint]


def test_figures_are_those_of_the_files(make_checkpoint: Make, drawn: SampleTable) -> None:
    checkpoint = make_checkpoint(metrics={"validation": {"n": 1, "accuracy": 1.0}, "test": {"n": 3}})
    ship(checkpoint, "int8", drawn, most_lost=1.0)
    checkpoint = Checkpoint(checkpoint.folder, read_card(checkpoint.folder))
    threads = torch.get_num_threads()
    card = complete(checkpoint, drawn)
    held = drawn.split("validation")
    right = Predictor(checkpoint).logits(held.faces()).mean(0).argmax(1) == held.label_indices()
    assert card.metrics["validation"]["accuracy"] == pytest.approx(right.mean())
    assert card.metrics["validation"]["deduplicated"] is not None
    assert card.metrics["test"] == {"n": 3}
    assert list(card.latency) == ["float32", "int8"]
    for took in card.latency.values():
        assert took.interval[0] <= took.median_ms <= took.interval[1]
        assert (took.n, took.threads) == (200, 1)
        assert took.machine
    assert torch.get_num_threads() == threads


def test_one_face_takes_what_it_takes(make_checkpoint: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that a predictor turns on by 2, 4, 6 ... ms: the median of 9 times after 3 untimed ones is 16 ms."""
    now, calls = [0.0], [0]

    def answer(*_: Any) -> None:
        calls[0] += 1
        now[0] += 0.002 * calls[0]

    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    monkeypatch.setattr(Predictor, "probabilities", answer)
    took = one_face(make_checkpoint(), "float32", rounds=9)
    assert took.median_ms == pytest.approx(16)
    assert took.interval == (pytest.approx(10), pytest.approx(22))  # the 2nd and the 8th of nine: Conover's table
    assert took.as_text().startswith("16 ms [10, 22] on ")


def test_the_command(make_checkpoint: Make, drawn: SampleTable, tmp_path: Path) -> None:
    data = tmp_path / "drawn.parquet"
    drawn.save(data)
    own = make_checkpoint(trained=trained(0))
    other = make_checkpoint(tmp_path / "other", 1, trained=trained(1))
    run = CliRunner()
    assert run.invoke(app, ["card", str(other.folder), "--data", str(data)]).exit_code == 0
    done = run.invoke(app, ["card", str(own.folder), "--data", str(data), "--sibling", str(other.folder)])
    assert done.exit_code == 0, done.output
    assert "over 2 seeds" in done.output
    assert "one face, one thread, float32: " in done.output
    card = read_card(own.folder)
    assert [s.seed for s in card.siblings] == [1]
    assert card.latency["float32"].threads == 1
    for words in (html_report(card, table(60)), model_card(card, table(60))):
        assert "over 2 seeds" in words
        assert "One face, one thread, float32" in words or "one face, one thread, float32" in words
