"""Every shipped recipe runs two epochs on schematic faces, and trains in each what it says."""

import dataclasses
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import pyarrow as pa
import pytest
import torch

from fer_core.checkpoint import is_half, open_checkpoint
from fer_core.data import SampleTable
from fer_core.data.ferplus import VOTE_CLASSES
from fer_core.data.schematic import SchematicSpec, schematic_samples
from fer_core.labels import FER7, canonical
from tests.training.runs import history
from training.catalogue import parameters_of
from training.fit import Run, fit
from training.layers import matches
from training.recipe import list_recipes, load_recipe

TWO_EPOCHS = ["epochs=2"]
TWO_PHASES = ["phases.0.epochs=1", "phases.1.epochs=1"]
ONE_PHASE = ["phases.0.epochs=2"]
EVERYTHING = ["*"]
LATER = ["*", "!features.conv", *(f"!features.{kind}{n}" for kind in ("depthwise", "pointwise") for n in (1, 2, 3))]

# What the first and the second epoch change where there are phases, by patterns of names.
HEADS = {
    "convnext_tiny": (["classifier"], EVERYTHING),
    "efficientnet-lite0": (["classifier"], EVERYTHING),
    "fer2013-resnet50-partial": (["fc"], ["layer4.1", "layer4.2", "fc"]),
    "inception_v3": (["fc"], EVERYTHING),
    "kdef-vgg16": (["classifier"], EVERYTHING),
    "mobilenet-faces": (LATER, LATER),
    "mobilenet_v3": (["classifier"], EVERYTHING),
    "seresnet50": (["fc"], EVERYTHING),
}
# Rates of the last step by group, where they do not depend on the step: the optimiser's times the group's.
RATES = {
    "fec-cnn-sweep": {"rest": 0.001},
    "fec-efficientnet": {"rest": 0.001},
    "fer2013-resnet50-fc": {"rest": 0.001},
    "fer2013-resnet50-partial": {"rest": 0.0003},
    "fer2013-vgg19": {"rest": 0.001},
    "ferplus-vggnet-670k": {"rest": 0.01},
    "kdef-vgg16": {"early": 3e-6, "middle": 3e-5, "head": 3e-4},
    "rafdb-vggnet-670k": {"rest": 0.001},
}
SIDES = {"inception_v3": 75, "dlib-resnet": 103, "flagship": 103}  # the least; 32 and 48 do for all others
MACHINE = "svm-on-features"
NO_CONTEMPT = f"classes={[*FER7.names]}"  # schematic faces show none


@pytest.fixture(scope="module")
def faces() -> SampleTable:
    """28 schematic faces of four people to train on, 7 of another one to validate; FER+ votes by ten annotators."""
    samples = schematic_samples(SchematicSpec(subjects=6, per_subject_and_class=1, size_px=48)).samples
    places = [VOTE_CLASSES.index(canonical(name)) for name in samples.vote_classes]
    votes = np.zeros((len(samples), len(VOTE_CLASSES)), dtype=np.float32)
    votes[:, places] = np.stack(samples.table["votes"].to_pylist())
    column = samples.table.schema.get_field_index("votes")
    table = samples.table.set_column(column, samples.table.schema.field("votes"), pa.array(list(votes)))
    return dataclasses.replace(samples, table=table, vote_classes=VOTE_CLASSES)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Emptied after the test: the states of some networks take hundreds of megabytes."""
    yield tmp_path
    shutil.rmtree(tmp_path)


class Watch(lightning.Callback):
    """Which weights and running statistics each epoch changed, and the rates of the last step."""

    def __init__(self) -> None:
        self.changed: list[set[str]] = []
        self.rates: dict[str, float] = {}

    def _state(self, module: Any) -> dict[str, torch.Tensor]:
        state = module.model.state_dict().items()
        return {name: t.detach().clone() for name, t in state if t.is_floating_point()}

    def on_train_epoch_start(self, _trainer: lightning.Trainer, module: Any) -> None:
        self.before = self._state(module)

    def on_train_batch_end(self, trainer: lightning.Trainer, module: Any, *others: Any) -> None:
        if others[-1] + 1 == trainer.num_training_batches:
            now = self._state(module)
            self.changed.append({name for name, t in now.items() if not torch.equal(t, self.before[name])})
            self.rates = {group["name"]: group["lr"] for group in trainer.optimizers[0].param_groups}


def test_a_table_for_every_recipe_with_phases() -> None:
    assert {name for name in list_recipes() if load_recipe(name).phases} == set(HEADS)


def names_of(state: Sequence[str], patterns: list[str]) -> set[str]:
    return {name for name in state if matches(name, patterns)}


@pytest.mark.parametrize("name", [n for n in list_recipes() if n != MACHINE])
def test_two_epochs(name: str, faces: SampleTable, folder: Path) -> None:
    side = SIDES.get(name, 32 if name in HEADS else 48)
    changes = ["batch_size=7", "model.pretrained=none", f"preprocess.size_px={side}"]
    if "contempt" in load_recipe(name).classes:
        changes.append(NO_CONTEMPT)
    phases = len(load_recipe(name).phases)
    recipe = load_recipe(name, [*changes, *(TWO_EPOCHS, ONE_PHASE, TWO_PHASES)[phases]])
    watch = Watch()
    checkpoint = fit(Run(recipe, faces, "schematic", folder / "run", folder / "out", 0), [watch])

    every = list(watch.before)
    first, second = HEADS.get(name, (EVERYTHING, EVERYTHING))
    assert watch.changed == [names_of(every, first), names_of(every, second)]
    assert watch.rates == pytest.approx(RATES.get(name, watch.rates))

    rows = history(folder / "run")
    assert [row["epoch"] for row in rows] == [1, 2]
    assert all(np.isfinite(list(row.values())).all() for row in rows)
    card = open_checkpoint(folder / "out").card
    assert card == checkpoint.card
    assert is_half(checkpoint) == (name in {"dlib-resnet", "flagship", "mobilenet-faces"})
    assert card.parameters == parameters_of(recipe)
    assert card.metrics["validation"]["n"] == (7 if recipe.labels == "given" else agreed(faces, "validation"))
    assert card.trained is not None
    assert card.trained.started_from == "random weights"
    if name == "rafdb-vggnet-670k":
        pixels = np.stack(faces.split("train").faces()) / 255
        assert card.preprocess.mean == pytest.approx(pixels.mean((0, 1, 2)), abs=1e-5)
        assert card.preprocess.std == pytest.approx(pixels.std((0, 1, 2)), abs=1e-5)


def agreed(faces: SampleTable, split: str) -> int:
    """Faces of which more than half of the votes, single ones left out, name one class of FER7."""
    found = 0
    for votes in faces.split(split).table["votes"].to_pylist():
        kept = [v if v > 1 else 0 for v in votes]
        best = max(range(len(kept)), key=kept.__getitem__)
        found += kept[best] > sum(kept) / 2 and VOTE_CLASSES[best] in FER7.names
    return found


def test_a_machine_on_the_features_of_the_shipped_model(faces: SampleTable, tmp_path: Path) -> None:
    recipe = load_recipe(MACHINE)
    card = fit(Run(recipe, faces, "schematic", tmp_path / "run", tmp_path / "out")).card
    assert card.metrics["validation"]["n"] == 7
    assert card.trained is not None
    assert card.trained.started_from.startswith("features of the checkpoint compact (")
    assert card.preprocess == open_checkpoint("compact").card.preprocess
