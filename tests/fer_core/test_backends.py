"""Which way to run a checkpoint is taken: the fastest that works."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

from fer_core import backends
from fer_core.__main__ import app
from fer_core.backends import choose, times_ms
from fer_core.card import ONNX_FILES, Export, sha256_of, write_card
from fer_core.checkpoint import Checkpoint
from fer_core.errors import CheckpointError, UnavailableError
from fer_core.export.onnx_file import export_onnx
from fer_core.export.session import OnnxNetwork
from fer_core.live import live_choice, live_predictor
from tests.fer_core.live.standins import Classifier, Clock

Make = Callable[..., Checkpoint]


class Slow(Classifier):
    def __init__(self, clock: Clock, *takes_s: float) -> None:
        super().__init__()
        self.clock, self.times = clock, takes_s

    def probabilities(self, faces: Any) -> NDArray[np.float64]:
        self.clock.now += self.times[len(self.faces_seen) % len(self.times)]
        return super().probabilities(faces)


def test_times_are_medians_taken_in_turns() -> None:
    clock = Clock()
    one, other = Slow(clock, 0.004), Slow(clock, 0.003, 0.003, 0.5)  # now and then the machine does other things
    assert times_ms(one, other, clock=clock) == pytest.approx((4, 3))  # type: ignore[arg-type]
    assert one.faces_seen == other.faces_seen == [1] * 11


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The float32 file of what `make_checkpoint` makes, which is the same each time; exporting takes seconds."""
    return tmp_path_factory.mktemp("exported") / ONNX_FILES["float32"]


@pytest.fixture
def three(make_checkpoint: Make, exported: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """A checkpoint with a float32 file and a copy of it in the place of the 8-bit one; its times are set."""
    checkpoint = make_checkpoint()
    folder = checkpoint.folder
    if not exported.is_file():
        export_onnx(checkpoint, exported)
    for name in ONNX_FILES.values():
        shutil.copyfile(exported, folder / name)
    export = Export(sha256=sha256_of(exported), largest_difference=0, checked_on="nothing")
    write_card(folder, checkpoint.card.model_copy(update={"exports": dict.fromkeys(ONNX_FILES, export)}))

    def timed(**ms: float) -> Path:
        named = {"int8": ("int8", "ONNX Runtime"), "onnx": ("float32", "ONNX Runtime"), "torch": ("float32", "PyTorch")}
        known = {named[name]: value for name, value in ms.items()}
        monkeypatch.setattr(backends, "_once", lambda *found: tuple(known[p.precision, p.backend] for p in found))
        return folder

    return timed


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ({"int8": 1.25, "onnx": 3.0, "torch": 6.0}, ("int8", "ONNX Runtime")),
        ({"int8": 5.0, "onnx": 3.0, "torch": 6.0}, ("float32", "ONNX Runtime")),
        ({"int8": 5.0, "onnx": 3.0, "torch": 2.0}, ("float32", "PyTorch")),
        ({"int8": 3.0, "onnx": 3.0, "torch": 3.0}, ("int8", "ONNX Runtime")),  # of equals the first
    ],
)
def test_a_live_picture_takes_the_fastest_of_three(
    three: Callable[..., Path], times: dict[str, float], expected: tuple[str, str]
) -> None:
    folder = three(**times)
    chosen = live_choice(folder)
    assert (chosen.predictor.precision, chosen.predictor.backend) == expected
    assert list(chosen.times_ms.values()) == list(times.values())
    assert live_predictor(folder) is chosen.predictor
    assert not chosen.problems


def test_what_was_timed_is_said(three: Callable[..., Path]) -> None:
    assert live_choice(three(int8=1.25, onnx=3.0, torch=6.0)).as_text() == (
        "random answers in int8 by ONNX Runtime, the fastest here: 1.2 ms a face when it was loaded; float32 by ONNX "
        "Runtime 3.0 ms, float32 by PyTorch 6.0 ms."
    )


def test_a_precision_that_was_asked_for_is_kept(three: Callable[..., Path]) -> None:
    folder = three(int8=1.0, onnx=3.0, torch=2.0)
    assert choose(folder).predictor.backend == "PyTorch"
    assert list(choose(folder).times_ms) == ["float32 by ONNX Runtime", "float32 by PyTorch"]
    assert choose(folder, ("int8",)).predictor.precision == "int8"
    assert choose(folder, ("bfloat16",)).predictor.precision == "bfloat16"


def test_without_a_file_there_is_no_choice(make_checkpoint: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "_once", None)
    folder = make_checkpoint().folder
    assert live_choice(folder).as_text() == "random answers in float32 by PyTorch."
    with pytest.raises(CheckpointError, match="has no int8 file"):
        choose(folder, ("int8",))


def test_pytorch_stands_in_for_broken_files(three: Callable[..., Path]) -> None:
    folder = three(onnx=3.0, torch=6.0, int8=1.0)
    (folder / ONNX_FILES["int8"]).write_bytes(b"damaged")
    one = live_choice(folder)
    assert (one.predictor.precision, one.predictor.backend) == ("float32", "ONNX Runtime")
    assert len(one.problems) == 1
    assert "model.int8.onnx is not the file that its card describes" in one.problems[0]
    with pytest.raises(CheckpointError, match="sha256 differs"):
        choose(folder, ("int8",))  # 8 bits were asked for: PyTorch's answers are others


def test_predict_names_what_answers(three: Callable[..., Path]) -> None:
    folder = three(onnx=3.0, torch=6.0, int8=1.0)
    asked = ["predict", "--sample", "--checkpoint", str(folder), "--json"]

    def answered(*more: str) -> tuple[str, str, str]:
        done = CliRunner().invoke(app, [*asked, *more])
        assert done.exit_code == 0, done.output
        [row] = json.loads(done.stdout)
        return row["precision"], row["backend"], done.stderr

    assert answered() == ("float32", "ONNX Runtime", "")
    assert answered("--precision", "int8") == ("int8", "ONNX Runtime", "")


def test_predict_warns_of_a_broken_file(three: Callable[..., Path]) -> None:
    folder = three()
    (folder / ONNX_FILES["float32"]).unlink()
    done = CliRunner().invoke(app, ["predict", "--sample", "--checkpoint", str(folder), "--json"])
    assert done.exit_code == 0
    [row] = json.loads(done.stdout)
    assert (row["precision"], row["backend"]) == ("float32", "PyTorch")
    assert done.stderr.startswith("Warning: random has no float32 file; write it with")
    assert done.stderr.endswith("Meanwhile float32 by PyTorch answers.\n")


def test_without_onnx_runtime_pytorch_answers(three: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: Any) -> None:
        raise UnavailableError("ONNX Runtime is not installed.")

    monkeypatch.setattr(OnnxNetwork, "__init__", missing)
    chosen = live_choice(three())
    assert chosen.predictor.backend == "PyTorch"
    assert chosen.problems == ("ONNX Runtime is not installed.",) * 2
