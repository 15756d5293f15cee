"""An exported file takes its place beside the weights only once it is good, and never half."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from fer_core.__main__ import app
from fer_core.backends import choose
from fer_core.card import ONNX_FILES, read_card
from fer_core.checkpoint import Checkpoint
from fer_core.data import SampleTable
from fer_core.errors import ModelError
from fer_core.evaluate.complete import complete
from fer_core.export import shipping
from fer_core.export.onnx_file import export_onnx, largest_difference
from fer_core.export.shipping import ship
from fer_core.predict import Predictor

Make = Callable[..., Checkpoint]


def reopened(checkpoint: Checkpoint) -> Checkpoint:
    return Checkpoint(checkpoint.folder, read_card(checkpoint.folder))


def files(checkpoint: Checkpoint) -> set[str]:
    return {entry.name for entry in checkpoint.folder.iterdir()}


def test_a_float32_file_tells_how_often_it_agrees(make_checkpoint: Make, drawn: SampleTable) -> None:
    checkpoint = make_checkpoint(flip=True)
    done = ship(checkpoint, "float32", drawn)
    held = drawn.split("validation")
    by_hand = Predictor(checkpoint).probabilities(held.faces()).argmax(1)
    file = Predictor(reopened(checkpoint), exported=True).probabilities(held.faces()).argmax(1)
    assert done.export.same_top1 == int((by_hand == file).sum()) == len(held)
    measured = read_card(checkpoint.folder).exports["float32"].metrics["validation"]
    assert measured["n"] == 56
    assert measured["accuracy"] == pytest.approx((by_hand == held.label_indices()).mean())


def test_faces_on_which_a_file_differs_are_counted(make_checkpoint: Make, drawn: SampleTable, tmp_path: Path) -> None:
    """The graph of other weights, as if it had been exported badly: it names other classes on some faces."""
    checkpoint, other = make_checkpoint(), make_checkpoint(tmp_path / "other", seed=3)
    faces = drawn.split("validation").faces()
    mine, theirs = (Predictor(one).probabilities(faces).argmax(1) for one in (checkpoint, other))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shipping, "export_onnx", lambda _one, file, _faces: export_onnx(other, file))
        done = ship(checkpoint, "int8", drawn, most_lost=1.0)
    assert done.export.same_top1 == int((mine == theirs).sum()) < 56
    assert done.evaluation is not None
    truth = drawn.split("validation").label_indices()
    assert done.evaluation.scores().accuracy == pytest.approx((theirs == truth).mean())


@pytest.mark.parametrize("moment", ["before the file", "before the card"])
def test_broken_off_between_two_moves_the_checkpoint_still_answers(
    make_checkpoint: Make, drawn: SampleTable, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    checkpoint = make_checkpoint()
    ship(checkpoint, "int8", drawn, most_lost=1.0)
    checkpoint = reopened(checkpoint)
    faces = drawn.split("test").faces()
    before = Predictor(checkpoint).probabilities(faces)
    written: list[Any] = []

    def write(folder: Path, card: Any) -> None:
        written.append(card)
        if moment == "before the card" and len(written) == 2:
            raise KeyboardInterrupt
        shipping_write(folder, card)

    def move(self: Path, target: Path) -> Path:
        if moment == "before the file" and target == checkpoint.folder / ONNX_FILES["int8"]:
            raise KeyboardInterrupt
        return plain_move(self, target)

    shipping_write, plain_move = shipping.write_card, Path.replace
    with monkeypatch.context() as patch:
        patch.setattr(shipping, "write_card", write)
        patch.setattr(Path, "replace", move)
        with pytest.raises(KeyboardInterrupt):
            ship(checkpoint, "int8", drawn, most_lost=1.0)
    left = reopened(checkpoint)
    assert left.card.exports == {}
    assert files(checkpoint) == {"card.json", "model.safetensors", "model.int8.onnx"}
    np.testing.assert_array_equal(Predictor(left).probabilities(faces), before)
    chosen = choose(checkpoint.folder, ("int8", "float32"))
    assert (chosen.predictor.precision, chosen.problems) == ("float32", ())
    ship(left, "int8", drawn, most_lost=1.0)
    assert Predictor(reopened(left), "int8").probabilities(faces).shape == (28, 7)


def test_a_refused_file_leaves_the_former_one(
    make_checkpoint: Make, drawn: SampleTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = make_checkpoint()
    good = ship(checkpoint, "float32").export
    for difference in (0.01, float("nan")):
        monkeypatch.setattr(shipping, "largest_difference", lambda *_, d=difference: d)
        with pytest.raises(ModelError, match=f"differs from PyTorch by {difference:.2g}"):
            ship(reopened(checkpoint), "float32", drawn)
    file = checkpoint.folder / ONNX_FILES["float32"]
    assert hashlib.sha256(file.read_bytes()).hexdigest() == good.sha256
    assert read_card(checkpoint.folder).exports == {"float32": good}
    assert files(checkpoint) == {"card.json", "model.safetensors", "model.onnx"}


def test_eight_bits_that_lose_too_much_are_refused(make_checkpoint: Make, drawn: SampleTable, tmp_path: Path) -> None:
    """PyTorch is made right on all faces by taking its answers for labels; the file is right on some."""
    checkpoint, other = make_checkpoint(), make_checkpoint(tmp_path / "other", seed=3)
    said = Predictor(checkpoint).probabilities(drawn.faces()).argmax(1)
    labels = drawn.table.schema.get_field_index("label")
    names = [checkpoint.card.classes[i] for i in said]
    table = drawn.table.set_column(labels, drawn.table.schema.field("label"), [names])
    samples = SampleTable(table, drawn.classes)
    held = samples.split("validation")
    lost = 1 - (Predictor(other).probabilities(held.faces()).argmax(1) == held.label_indices()).mean()
    assert lost > 0.1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shipping, "export_onnx", lambda _one, file, _faces: export_onnx(other, file))
        with pytest.raises(ModelError, match=f"loses {100 * lost:.2f} points of top-1 on 56 .* more than 0.5;"):
            ship(checkpoint, "int8", samples)
        assert files(checkpoint) == {"card.json", "model.safetensors"}
        assert read_card(checkpoint.folder).exports == {}
        assert ship(checkpoint, "int8", samples, most_lost=lost + 0.001).file.is_file()


def test_the_graphs_own_probabilities_are_checked(make_checkpoint: Make, drawn: SampleTable, tmp_path: Path) -> None:
    """A file whose logits are right, and whose temperature is that of another card."""
    checkpoint = make_checkpoint(temperature=1.0)
    warm = Checkpoint(checkpoint.folder, checkpoint.card.model_copy(update={"temperature": 2.0}))
    file = export_onnx(warm, tmp_path / "warm.onnx")
    faces = drawn.split("test").faces()
    expected = np.abs(Predictor(checkpoint).probabilities(faces) - Predictor(warm).probabilities(faces)).max()
    assert expected > 0.05
    assert largest_difference(checkpoint, file, faces) == pytest.approx(expected, abs=1e-4)
    assert largest_difference(warm, file, faces) < 1e-4


def test_a_card_is_completed_for_its_files_too(make_checkpoint: Make, drawn: SampleTable) -> None:
    checkpoint = make_checkpoint()
    for precision in ("float32", "int8"):
        ship(reopened(checkpoint), precision, drawn, most_lost=1.0)  # type: ignore[arg-type]
    opened = reopened(checkpoint)
    stale = {
        name: export.model_copy(update={"metrics": {"validation": {"n": 1}}, "same_top1": None})
        for name, export in opened.card.exports.items()
    }
    card = complete(Checkpoint(opened.folder, opened.card.model_copy(update={"exports": stale})), drawn)
    assert card.exports == opened.card.exports  # as they were measured when they were written
    assert list(card.latency) == ["float32", "float32-onnx", "int8"]


def test_the_command_says_on_what_it_checked(make_checkpoint: Make, drawn: SampleTable, home: Path) -> None:
    make_checkpoint(home / "checkpoints" / "mine")
    run = CliRunner()
    done = run.invoke(app, ["export", "mine"])
    assert done.exit_code == 0, done.output
    assert "on 32 crops of one face, that of the sample photograph" in done.output
    assert "not measured: name a data set with a validation split (--data)" in done.output
    drawn.save(home / "drawn.parquet")
    done = run.invoke(app, ["export", "mine", "--data", str(home / "drawn.parquet")])
    assert done.exit_code == 0, done.output
    assert "on 56 validation faces" in done.output
    assert "the same class as PyTorch on 56 of these 56 faces" in done.output
    asked = ["evaluate", "--checkpoint", "mine", "--data", str(home / "drawn.parquet"), "--split", "val", "--json"]
    figures = run.invoke(app, [*asked, "--onnx"])
    assert '"backend": "ONNX Runtime"' in figures.stdout
