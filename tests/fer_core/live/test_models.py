"""Which predictor a live picture uses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fer_core.live import live_predictor, models
from fer_core.live.models import fastest
from tests.fer_core.live.standins import Classifier, Clock


class Timed(Classifier):
    def __init__(self, clock: Clock, *takes_s: float) -> None:
        super().__init__()
        self.clock, self.times = clock, takes_s

    def probabilities(self, faces: Any) -> Any:
        self.clock.now += self.times[len(self.faces_seen) % len(self.times)]
        return super().probabilities(faces)


def test_the_faster_one_by_the_median() -> None:
    clock = Clock()
    slow, fast = Timed(clock, 0.004), Timed(clock, 0.003, 0.003, 0.5)  # now and then the machine does other things
    assert fastest(slow, fast, clock=clock) is fast  # type: ignore[arg-type]
    assert slow.faces_seen == fast.faces_seen == [1] * 11
    same = Timed(clock, 0.003)
    assert fastest(same, Timed(clock, 0.003), clock=clock) is same  # type: ignore[arg-type]


def test_eight_bits_are_taken_where_they_are_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[str, str]] = []

    def first(*predictors: Any) -> Any:
        compared.append(tuple(p.precision for p in predictors))
        return predictors[0]

    monkeypatch.setattr(models, "_fastest", first)
    chosen = live_predictor("compact")
    assert (chosen.precision, chosen.backend) == ("int8", "ONNX Runtime")
    monkeypatch.setattr(models, "_fastest", lambda *predictors: predictors[1])
    assert live_predictor("compact").precision == "float32"
    assert compared == [("int8", "float32")]


def test_without_such_a_file_there_is_no_choice(
    make_checkpoint: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "_fastest", None)
    chosen = live_predictor(make_checkpoint().folder)
    assert (chosen.precision, chosen.backend) == ("float32", "PyTorch")
