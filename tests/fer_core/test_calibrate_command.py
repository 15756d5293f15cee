"""`python -m fer_core calibrate`: what it prints, and what it writes into the card."""

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner, Result

from fer_core.__main__ import app
from fer_core.card import sha256_of
from fer_core.checkpoint import Checkpoint, open_checkpoint, own_copy
from fer_core.data import SampleTable
from fer_core.errors import CheckpointError
from fer_core.evaluate.evaluation import evaluate
from fer_core.predict import Predictor, get_predictor

Make = Callable[..., Checkpoint]


@pytest.fixture
def checkpoint(make_checkpoint: Make, home: Path) -> Checkpoint:
    """A checkpoint `mine` in the workspace, with figures of two splits in its card."""
    stale = {"n": 1, "accuracy": 0.5}
    return make_checkpoint(
        home / "checkpoints" / "mine", flip=True, temperature=3.0, metrics={"validation": stale, "test": stale}
    )


@pytest.fixture
def data(checkpoint: Checkpoint, drawn: SampleTable, tmp_path: Path) -> Path:
    """Drawn faces that are labelled by chance as the network would have it at half its logits."""
    logits = Predictor(checkpoint).logits(drawn.faces()).astype(float) / 2
    shares = (np.exp(logits) / np.exp(logits).sum(2, keepdims=True)).mean(0)
    chance = np.random.default_rng(0)
    labels = [checkpoint.card.classes[chance.choice(7, p=row)] for row in shares]
    table = drawn.table.set_column(3, "label", pa.array(labels))
    dataclasses.replace(drawn, table=table).save(tmp_path / "drawn.parquet")
    return tmp_path / "drawn.parquet"


def calibrate(data: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["calibrate", "--checkpoint", "mine", "--data", str(data), *arguments])


def said(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def best_of_a_grid(checkpoint: Checkpoint, samples: SampleTable) -> tuple[float, float]:
    """The temperature and its log-loss."""
    logits = Predictor(checkpoint).logits(samples.faces()).astype(float)
    tried = []
    for temperature in np.geomspace(0.1, 10, 2000):
        shares = np.exp(logits / temperature)
        shares = (shares / shares.sum(2, keepdims=True)).mean(0)
        tried.append((-np.log(shares[np.arange(len(samples)), samples.label_indices()]).mean(), temperature))
    loss, temperature = min(tried)
    return temperature, loss


def test_before_and_after(checkpoint: Checkpoint, data: Path) -> None:
    answer = said(calibrate(data, "--json"))
    samples = SampleTable.load(data).split("validation")
    temperature, loss = best_of_a_grid(checkpoint, samples)
    fitted, apart = answer["fitted"], answer["cross_fitted"]
    assert fitted["value"] == pytest.approx(temperature, rel=0.003)
    assert 1.3 < temperature < 3
    assert fitted["log_loss_after"] == pytest.approx(loss, abs=1e-5)
    plain = evaluate(
        Predictor(Checkpoint(checkpoint.folder, checkpoint.card.model_copy(update={"temperature": 1.0}))), samples
    )
    assert fitted["log_loss_before"] == pytest.approx(plain.scores().log_loss, abs=1e-5)
    assert fitted["ece_before"] == pytest.approx(plain.scores().ece, abs=1e-4)
    assert fitted["n"] == apart["n"] == 56
    assert apart["log_loss_after"] > fitted["log_loss_after"]
    assert answer["saved"] is False
    assert open_checkpoint("mine").card == checkpoint.card
    words = calibrate(data).stdout.splitlines()
    assert words[0].startswith(f"fitted and measured on the same samples: temperature {fitted['value']:.3f}: log-loss ")
    assert words[1].startswith(
        f"fitted on one half, measured on the other: temperature {apart['value']:.3f}: log-loss "
    )


def test_what_is_saved_is_what_the_checkpoint_then_answers(checkpoint: Checkpoint, data: Path) -> None:
    before = sha256_of(checkpoint.folder / "model.safetensors")
    answer = said(calibrate(data, "--save", "--json"))
    assert answer["saved"] is True
    card = open_checkpoint("mine").card
    assert sha256_of(checkpoint.folder / "model.safetensors") == before == card.weights_sha256
    assert card.temperature == answer["fitted"]["value"]
    every = SampleTable.load(data)
    samples = every.split("validation")
    assert card.temperature_fitted_on == f"validation of drawn.parquet, n = 56 (hash {samples.data_hash()[:12]})"
    again = evaluate(get_predictor("mine"), samples, train=every.split("train"))
    assert card.metrics == {"validation": json.loads(json.dumps(again.as_json()))}
    assert card.metrics["validation"]["log_loss"] == pytest.approx(answer["fitted"]["log_loss_after"])
    changed = {"temperature", "temperature_fitted_on", "metrics"}
    assert card.model_dump(exclude=changed) == checkpoint.card.model_dump(exclude=changed)


def test_exported_files_of_another_temperature_go(checkpoint: Checkpoint, data: Path) -> None:
    for name in ("model.onnx", "model.int8.onnx"):
        (checkpoint.folder / name).write_bytes(b"with the temperature before")
    said(calibrate(data, "--json"))
    assert len(list(checkpoint.folder.glob("*.onnx"))) == 2
    said(calibrate(data, "--save", "--json"))
    assert sorted(file.name for file in checkpoint.folder.iterdir()) == ["card.json", "model.safetensors"]


def test_it_is_kept_only_for_validation(checkpoint: Checkpoint, data: Path) -> None:
    result = calibrate(data, "--split", "PrivateTest", "--save")
    assert result.exit_code == 2
    assert "Error: A temperature is kept only where it was fitted on validation, not on 'PrivateTest'." in result.stderr
    assert open_checkpoint("mine").card == checkpoint.card
    assert said(calibrate(data, "--split", "PrivateTest", "--json"))["fitted"]["n"] == 28


def test_a_shipped_checkpoint_stays_as_it_is(
    checkpoint: Checkpoint, data: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = tmp_path / "shipped"
    shutil.move(home / "checkpoints", shipped)
    monkeypatch.setattr("fer_core.checkpoint.SHIPPED_CHECKPOINTS", shipped)
    before = (shipped / "mine" / "card.json").read_bytes()
    first = said(calibrate(data, "--save", "--json"))
    assert (shipped / "mine" / "card.json").read_bytes() == before
    found = open_checkpoint("mine")
    assert found.folder == home / "checkpoints" / "mine"
    assert found.card.temperature == first["fitted"]["value"]
    assert found.card.weights_sha256 == checkpoint.card.weights_sha256
    assert found.load() is not None
    with_hash = own_copy(Checkpoint(shipped / "mine", checkpoint.card))
    assert with_hash == found  # a second time nothing is copied
    (home / "checkpoints" / "mine" / "card.json").unlink()
    assert open_checkpoint("mine").folder == shipped / "mine"


def test_a_copy_takes_nobodys_place(
    checkpoint: Checkpoint, make_checkpoint: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fer_core.checkpoint.SHIPPED_CHECKPOINTS", tmp_path / "shipped")
    other = make_checkpoint(tmp_path / "shipped" / "mine", seed=1)
    assert other.card.weights_sha256 != checkpoint.card.weights_sha256
    with pytest.raises(CheckpointError, match="is another checkpoint of the name mine"):
        own_copy(other)
