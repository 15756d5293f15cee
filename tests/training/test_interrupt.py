"""A run that gets SIGTERM keeps its state after the step that it is at, and goes on from there bit for bit."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from fer_core.data import SampleTable
from tests.training.runs import history, same, weights
from training.fit import Run, fit
from training.module import FERModule
from training.recipe import Recipe

Make = Callable[..., Recipe]
EPOCHS, A_EPOCH = 3, 7  # 28 faces in batches of four


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Whoever starts a run hears of signals as before when it is over."""
    heard: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
    try:
        yield
        os.kill(os.getpid(), signal.SIGTERM)
        assert heard == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)


def recipe_of(tiny_recipe: Make) -> Recipe:
    return tiny_recipe(epochs=EPOCHS, batch_size=4, select="last")


@pytest.fixture(scope="module")
def whole(few: SampleTable, tiny_recipe: Make, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("whole")
    run = Run(recipe_of(tiny_recipe), few, "drawn", folder / "run", folder / "checkpoint")
    fit(run)
    return run


def ask_to_end_at(patch: pytest.MonkeyPatch, hook: str, step: int, steps: list[int]) -> None:
    """Sends SIGTERM within the hook of this step (`validation_step` has that of the epoch's last one)."""
    real, real_step = getattr(FERModule, hook), FERModule.training_step

    def asked(self: FERModule, *arguments: Any) -> Any:
        if self.global_step == step:
            os.kill(os.getpid(), signal.SIGTERM)
        return real_step(self, *arguments) if hook == "training_step" else real(self, *arguments)

    def counted(self: FERModule, *arguments: Any) -> torch.Tensor:
        steps.append(self.global_step)
        return asked(self, *arguments) if hook == "training_step" else real_step(self, *arguments)

    patch.setattr(FERModule, hook, asked)
    patch.setattr(FERModule, "training_step", counted)


@pytest.mark.parametrize(
    ("at", "made"),
    [
        (("training_step", 0), 1),
        (("training_step", 9), 10),
        (("training_step", 6), 7),  # the last step of an epoch, which is evaluated before it is left
        (("validation_step", 14), 14),
        (("training_step", 20), 21),  # the very last step: nothing is left but to write the checkpoint
    ],
)
def test_no_step_is_lost_or_made_twice(
    at: tuple[str, int], made: int, whole: Run, few: SampleTable, tiny_recipe: Make, prepare: Callable[..., Run]
) -> None:
    run = prepare(recipe_of(tiny_recipe), few)
    steps: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        ask_to_end_at(patch, *at, steps)
        with pytest.raises(SystemExit) as left:
            fit(run)
    assert left.value.code == 143
    assert steps == list(range(made))
    assert not run.checkpoint_folder.exists()
    with pytest.MonkeyPatch.context() as patch:
        ask_to_end_at(patch, "training_step", -1, steps)
        fit(run)
    assert steps == list(range(EPOCHS * A_EPOCH))
    assert same(weights(run.checkpoint_folder), weights(whole.checkpoint_folder))
    assert history(run.folder) == history(whole.folder)


def test_asked_while_the_state_is_written(
    whole: Run, few: SampleTable, tiny_recipe: Make, prepare: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is written to its end, and the run leaves at the next step."""
    run = prepare(recipe_of(tiny_recipe), few)
    real, asked = Path.replace, []

    def replaced(self: Path, target: Any) -> Any:
        if self.name == ".last.ckpt" and not asked:
            asked.append(self)
            os.kill(os.getpid(), signal.SIGTERM)
        return real(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", replaced)
        with pytest.raises(SystemExit):
            fit(run)
    assert asked
    assert sorted(p.name for p in run.folder.glob("*.ckpt")) == ["best.ckpt", "last.ckpt"]
    assert list(run.folder.glob(".*.ckpt")) == []
    fit(run)
    assert same(weights(run.checkpoint_folder), weights(whole.checkpoint_folder))
