"""Distillation: what teachers add to the targets, and what a run remembers of them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from fer_core.checkpoint import Checkpoint, save_checkpoint
from fer_core.data import SampleTable
from fer_core.errors import CheckpointError, DataError, RecipeError
from fer_core.labels import FER7, FERPLUS8
from training.augment import augment
from training.data import load_tensors
from training.fit import Run, fit, prepare
from training.mixing import mix
from training.recipe import Recipe, parse_recipe
from training.teachers import taught

MakeRecipe = Callable[..., Recipe]
REVERSED = FER7.names[::-1]  # neutral, surprise, sad, happy, fear, disgust, angry
SHARES = (0.4, 0.2, 0.1, 0.1, 0.1, 0.05, 0.05)


@pytest.fixture
def make_teacher(make_checkpoint: Callable[..., Checkpoint], home: Path) -> Callable[..., Checkpoint]:
    """Makes teachers in the workspace that give every face the same probabilities."""

    def make(name: str, shares: tuple[float, ...], **card: Any) -> Checkpoint:
        made = make_checkpoint(home / "checkpoints" / name, **card)
        network = made.load()
        with torch.no_grad():
            network.head.weight.zero_()
            network.head.bias.copy_(torch.tensor(shares).log())
        return save_checkpoint(made.folder, network, made.card)

    return make


def targets(few: SampleTable, recipe: Recipe) -> np.ndarray:
    samples = few.split("train")
    return taught(load_tensors(samples, recipe), samples, recipe).targets.numpy()


def test_by_hand_with_classes_in_another_order(
    few: SampleTable, tiny_recipe: MakeRecipe, make_teacher: Callable[..., Checkpoint]
) -> None:
    make_teacher("backwards", SHARES, classes=REVERSED)
    found = targets(few, tiny_recipe(target={"teachers": ["backwards"], "teacher_weight": 0.25}))
    in_order = [0.05, 0.05, 0.1, 0.1, 0.1, 0.2, 0.4]  # angry, disgust, fear, happy, sad, surprise, neutral
    assert found.shape == (28, 7)
    for row, label in zip(found, [0, 1, 2, 3, 4, 5, 6] * 4, strict=True):
        expected = 0.25 * np.array(in_order)
        expected[label] += 0.75
        np.testing.assert_allclose(row, expected, atol=1e-6)


def test_the_mean_of_two_teachers_one_of_which_knows_more_classes(
    few: SampleTable, tiny_recipe: MakeRecipe, make_teacher: Callable[..., Checkpoint]
) -> None:
    """What a teacher says of a class that the recipe lacks is left out, and the rest is made to sum to one."""
    make_teacher("backwards", SHARES, classes=REVERSED)
    # neutral, happiness, surprise, sadness, anger, disgust, fear, contempt; without the last a half is left.
    make_teacher("eight", (0.25, 0.05, 0.05, 0.05, 0.05, 0.025, 0.025, 0.5), classes=FERPLUS8.names)
    found = targets(few, tiny_recipe(target={"teachers": ["backwards", "eight"], "teacher_weight": 1.0}))
    of_eight = [0.1, 0.05, 0.05, 0.1, 0.1, 0.1, 0.5]
    of_backwards = [0.05, 0.05, 0.1, 0.1, 0.1, 0.2, 0.4]
    np.testing.assert_allclose(found, np.tile((np.array(of_eight) + of_backwards) / 2, (28, 1)), atol=1e-6)


def test_the_teachers_temperature_counts_and_smoothing_comes_before_it(
    few: SampleTable, tiny_recipe: MakeRecipe, make_teacher: Callable[..., Checkpoint]
) -> None:
    make_teacher("soft", (0.64, 0.06, 0.06, 0.06, 0.06, 0.06, 0.06), temperature=2.0)
    spec = {"teachers": ["soft"], "teacher_weight": 0.5, "label_smoothing": 0.07}
    found = targets(few, tiny_recipe(target=spec))
    rooted = np.sqrt([0.64, 0.06, 0.06, 0.06, 0.06, 0.06, 0.06])
    smoothed = np.eye(7)[[0, 1, 2, 3, 4, 5, 6] * 4] * 0.93 + 0.01
    np.testing.assert_allclose(found, (smoothed + rooted / rooted.sum()) / 2, atol=1e-6)


def test_every_face_gets_its_own_answer(
    few: SampleTable, tiny_recipe: MakeRecipe, make_checkpoint: Callable[..., Checkpoint], home: Path
) -> None:
    """The mean over the face and its mirror image, where the teacher's card says so."""
    teacher = make_checkpoint(home / "checkpoints" / "chance", flip=True)
    found = targets(few, tiny_recipe(target={"teachers": ["chance"], "teacher_weight": 1.0}))
    x = torch.from_numpy((np.stack(few.split("train").faces())[:, None] / 255 - 0.5) / 0.25).float()
    with torch.no_grad():
        expected = (teacher.load()(x).softmax(1) + teacher.load()(x.flip(3)).softmax(1)) / 2
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert found.std(0).max() > 0.05  # faces differ, so that a wrong order would be seen


def test_validation_is_not_taught(
    few: SampleTable, tiny_recipe: MakeRecipe, make_teacher: Callable[..., Checkpoint]
) -> None:
    make_teacher("backwards", SHARES, classes=REVERSED)
    recipe = tiny_recipe(target={"teachers": ["backwards"], "teacher_weight": 1.0})
    module, _ = prepare(recipe, few.split("train"), few.split("validation"))
    np.testing.assert_allclose(module.training_data.targets[:, 6].cpu(), 0.4, atol=1e-6)
    np.testing.assert_array_equal(module.validation_data.targets.cpu(), np.eye(7)[[0, 1, 2, 3, 4, 5, 6] * 2])


def test_without_teachers_nothing_changes(few: SampleTable, tiny_recipe: MakeRecipe) -> None:
    samples = few.split("train")
    recipe = tiny_recipe(target={"teacher_weight": 1.0})
    data = load_tensors(samples, recipe)
    assert taught(data, samples, recipe) is data


def test_teachers_that_cannot_teach_leave_nothing_behind(
    few: SampleTable, tiny_recipe: MakeRecipe, make_teacher: Callable[..., Checkpoint], tmp_path: Path
) -> None:
    make_teacher("five", (0.2,) * 5, classes=FER7.names[:5])
    for teacher, error, said in (
        ("five", RecipeError, r"The teacher 'five' lacks the class\(es\) surprise, neutral; choose another teacher\."),
        ("nobody", CheckpointError, "There is no checkpoint 'nobody'; on this machine there are: .*five"),
    ):
        recipe = tiny_recipe(epochs=1, target={"teachers": [teacher]})
        run = Run(recipe, few, "drawn", tmp_path / "run", tmp_path / "checkpoint")
        with pytest.raises(error, match=said):
            fit(run)
        assert not run.folder.exists()
        assert not run.checkpoint_folder.exists()


def test_a_run_goes_on_with_the_very_teacher_that_it_was_begun_with(
    few: SampleTable, tiny_recipe: MakeRecipe, make_teacher: Callable[..., Checkpoint], tmp_path: Path
) -> None:
    first = make_teacher("backwards", SHARES, classes=REVERSED)
    run = Run(
        tiny_recipe(epochs=1, target={"teachers": ["backwards"]}), few, "drawn", tmp_path / "run", tmp_path / "made"
    )
    card = fit(run).card
    assert json.loads((run.folder / "data.json").read_text())["teachers"] == [first.card.weights_sha256]
    assert card.trained is not None
    assert card.trained.recipe["target"]["teachers"] == ["backwards"]
    assert card.trained.taught_by == {"backwards": first.card.weights_sha256}
    fit(run)  # the same teacher again

    other = make_teacher("backwards", SHARES[::-1], classes=REVERSED)
    assert other.card.weights_sha256 != first.card.weights_sha256
    with pytest.raises(DataError, match="holds a run on other data than drawn as given now"):
        fit(run)


@pytest.mark.parametrize("weight", [-0.1, 1.1])
def test_a_share_lies_between_nothing_and_all(weight: float) -> None:
    values = {"name": "x", "model": {"architecture": "compact"}, "target": {"teacher_weight": weight}}
    with pytest.raises(RecipeError, match=r"target\.teacher_weight"):
        parse_recipe(values)


def test_teachers_that_see_variants_answer_the_picture_that_is_shown(
    few: SampleTable, tiny_recipe: MakeRecipe, make_checkpoint: Callable[..., Checkpoint], home: Path
) -> None:
    """Turned and mixed as the network is shown it; the mean of two, of which one says its classes backwards."""
    one = make_checkpoint(home / "checkpoints" / "one", flip=True)
    how = {"size_px": 24, "channels": 3, "mean": (0.1, 0.2, 0.3), "std": (1.0, 0.5, 0.25)}
    two = make_checkpoint(home / "checkpoints" / "two", seed=1, classes=REVERSED, temperature=2.0, preprocess=how)
    recipe = tiny_recipe(
        seed=3,
        augment={"rotate_deg": 20, "mixup": 1.0, "mix_probability": 1.0},
        target={"teachers": ["one", "two"], "teacher_weight": 0.25, "teachers_see": "variants"},
    )
    module, _ = prepare(recipe, few.split("train"), few.split("validation"))
    np.testing.assert_array_equal(module.training_data.targets.sum(0).cpu(), [4.0] * 7)  # the labels alone
    pixels, targets = next(iter(module.train_dataloader()))
    _, _, found = module.loss_on(pixels, targets, step=5)

    seed = 3 * 1_000_003 + 5
    shown = augment(pixels, recipe.augment, torch.Generator(pixels.device).manual_seed(seed))
    shown, expected = mix(shown, targets, recipe.augment, np.random.default_rng(seed))
    shown, expected = shown.cpu().double().numpy() / 255, expected.cpu().numpy()
    halved = shown.reshape(len(shown), 1, 24, 2, 24, 2).mean((3, 5))  # bilinear to half the size is the mean of four
    coloured = (halved - np.reshape(how["mean"], (3, 1, 1))) / np.reshape(how["std"], (3, 1, 1))
    with torch.no_grad():
        first = one.load()(torch.from_numpy((shown - 0.5) / 0.25).float()).softmax(1)
        second = (two.load()(torch.from_numpy(coloured).float()) / 2).softmax(1).flip(1)
    answers = ((first + second) / 2).numpy()
    np.testing.assert_allclose(found.cpu(), 0.75 * expected + 0.25 * answers, atol=1e-4)
    assert answers.std(0).max() > 0.03  # they differ from face to face


def test_teachers_that_see_variants_are_no_part_of_the_network(
    few: SampleTable, tiny_recipe: MakeRecipe, make_checkpoint: Callable[..., Checkpoint], home: Path, tmp_path: Path
) -> None:
    teacher = make_checkpoint(home / "checkpoints" / "teacher")
    spec = {"teachers": ["teacher"], "teachers_see": "variants"}
    module, _ = prepare(tiny_recipe(target=spec), few.split("train"), few.split("validation"))
    plain, _ = prepare(tiny_recipe(), few.split("train"), few.split("validation"))
    assert module.state_dict().keys() == plain.state_dict().keys()
    assert sum(1 for _ in module.parameters()) == sum(1 for _ in plain.parameters())
    run = Run(tiny_recipe(epochs=2, average_decay=0.9, target=spec), few, "d", tmp_path / "run", tmp_path / "made")
    card = fit(run).card
    assert json.loads((run.folder / "data.json").read_text())["teachers"] == [teacher.card.weights_sha256]
    assert card.parameters == sum(p.numel() for p in plain.model.parameters())


def test_teachers_that_see_variants_must_know_all_classes(
    few: SampleTable, tiny_recipe: MakeRecipe, make_checkpoint: Callable[..., Checkpoint], home: Path
) -> None:
    make_checkpoint(home / "checkpoints" / "five", classes=FER7.names[:5])
    recipe = tiny_recipe(target={"teachers": ["five"], "teachers_see": "variants"})
    with pytest.raises(RecipeError, match=r"'five' lacks the class\(es\) surprise, neutral"):
        prepare(recipe, few.split("train"), few.split("validation"))
