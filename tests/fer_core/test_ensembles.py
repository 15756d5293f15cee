"""Several checkpoints as one: what it says is the mean of what they say."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from typer.testing import CliRunner

from fer_core.__main__ import app
from fer_core.checkpoint import Checkpoint, is_half, open_checkpoint, save_checkpoint
from fer_core.ensembles import save_ensemble
from fer_core.errors import DataError
from fer_core.explain.members import layer_title, member_note
from fer_core.predict import Predictor
from fer_core.preprocess import Preprocess

Make = Callable[..., Checkpoint]
Faces = list[NDArray[np.uint8]]
COLOUR = Preprocess(size_px=96, channels=3, mean=(0.5, 0.4, 0.3), std=(0.2, 0.25, 0.3))


def test_the_weighted_mean_of_two_that_see_different_sizes(make_checkpoint: Make, faces: Faces, tmp_path: Path) -> None:
    members = [
        make_checkpoint(tmp_path / "grey", seed=1, flip=True, temperature=0.7),
        make_checkpoint(tmp_path / "colour", seed=2, flip=True, temperature=2.0, preprocess=COLOUR),
    ]
    both = save_ensemble(tmp_path / "both", members, [3, 1])
    assert both.card.parameters == sum(member.card.parameters for member in members)
    assert "in the time of them all" in both.card.intended_use  # not what the first alone is for, "fast" perhaps
    assert (both.card.preprocess.size_px, both.card.preprocess.channels) == (48, 3)
    grey, colour = (Predictor(member).probabilities(faces) for member in members)
    assert np.abs(grey - colour).max() > 0.3  # else any mean would do
    # Pixels that were enlarged in between are rounded to whole steps for the one, and not for the other.
    np.testing.assert_allclose(Predictor(both).probabilities(faces), 0.75 * grey + 0.25 * colour, atol=5e-3)


def test_exactly_where_all_see_the_same(make_checkpoint: Make, faces: Faces, tmp_path: Path) -> None:
    members = [make_checkpoint(tmp_path / name, seed=seed) for seed, name in enumerate("abc")]
    mean = np.mean([Predictor(member).probabilities(faces) for member in members], axis=0)
    found = Predictor(open_checkpoint(save_ensemble(tmp_path / "abc", members).folder)).probabilities(faces)
    np.testing.assert_allclose(found, mean, atol=1e-5)


@pytest.mark.parametrize(
    ("second", "weights", "said"),
    [
        ({"classes": ("happy", "sad")}, None, "cannot be one"),
        ({"flip": True}, None, "the use of the mirror image"),
        ({}, [1.0], "a weight above 0 for each"),
        ({}, [1.0, 0.0], "a weight above 0 for each"),
    ],
)
def test_what_cannot_be_one(
    make_checkpoint: Make, tmp_path: Path, second: dict[str, Any], weights: list[float] | None, said: str
) -> None:
    members = [make_checkpoint(tmp_path / "a"), make_checkpoint(tmp_path / "b", seed=1, **second)]
    with pytest.raises(DataError, match=said):
        save_ensemble(tmp_path / "both", members, weights)
    assert not (tmp_path / "both").exists()


def test_the_command(home: Path) -> None:
    made = CliRunner().invoke(app, ["ensemble", "pair", "compact", "compact-teacher", "--json"])
    assert made.exit_code == 0, made.output
    card = open_checkpoint("pair").card
    assert (home / "checkpoints" / "pair" / "model.safetensors").is_file()
    assert card.parameters == 959_535 + 911_287
    assert card.trained is not None
    assert card.trained.recipe_name() == "the mean of compact and compact-teacher"
    weights = [open_checkpoint(name).card.weights_sha256 for name in ("compact", "compact-teacher")]
    assert card.trained.recipe["weights_sha256"] == weights
    assert card.trained.origin() == ""
    again = CliRunner().invoke(app, ["ensemble", "pair", "compact", "compact-teacher"])
    assert again.exit_code != 0
    assert "There is a checkpoint pair already" in again.output
    alone = CliRunner().invoke(app, ["ensemble", "one", "compact"])
    assert "needs two members or more" in alone.output
    assert "'../x' is not a name" in CliRunner().invoke(app, ["ensemble", "../x", "compact", "compact"]).output


def test_a_layer_of_a_member_is_called_so() -> None:
    assert layer_title("members.1.network.features.stage4.1.relu") == "member 2, features.stage4.1.relu"
    assert layer_title("features.stage4.2.relu") == "features.stage4.2.relu"
    assert member_note("members.0.network.conv").startswith("The layer lies in member 1 of an ensemble")
    assert not member_note("features.stage4.2.relu")
    assert not member_note("members.conv")


def test_half_as_large_where_a_member_is(make_checkpoint: Make, faces: Faces, tmp_path: Path) -> None:
    """Kernels are rounded to multiples of 2^-11 of their size at worst; biases and statistics are not rounded."""
    first, second = (make_checkpoint(tmp_path / name, seed=seed) for seed, name in enumerate("ab"))
    rounded = save_checkpoint(
        tmp_path / "half", first.load(), first.card.model_copy(update={"name": "half"}), half=True
    )
    assert [is_half(one) for one in (first, second, rounded)] == [False, False, True]
    exact, loaded = first.load().state_dict(), rounded.load().state_dict()
    for name, values in exact.items():
        assert loaded[name].dtype == values.dtype
        if values.ndim > 1:
            assert not torch.equal(loaded[name], values)
            torch.testing.assert_close(loaded[name], values, rtol=2**-11, atol=2**-24)
        else:
            assert torch.equal(loaded[name], values)
    sizes = [(one.folder / "model.safetensors").stat().st_size for one in (first, rounded)]
    kernels = sum(t.nbytes for t in exact.values() if t.ndim > 1)
    assert sizes[0] - sizes[1] == pytest.approx(kernels / 2, abs=100)  # the header names another type
    both = save_ensemble(tmp_path / "both", [second, rounded])
    assert is_half(both)
    assert not is_half(save_ensemble(tmp_path / "none", [first, second]))
    mean = (Predictor(second).probabilities(faces) + Predictor(rounded).probabilities(faces)) / 2
    np.testing.assert_allclose(Predictor(both).probabilities(faces), mean, atol=2e-3)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"one": "MIT. Faces.", "two": "MIT. Faces."}, "MIT. Faces."),
        ({"one": "MIT. Faces.", "two": "MIT. Faces. By dlib."}, "MIT. Faces. two: By dlib."),
        ({"one": "MIT. Faces. By dlib.", "two": "MIT. Faces."}, "MIT. Faces. one: By dlib."),
        ({"one": "MIT.", "two": "GPL."}, "one: MIT. two: GPL."),
        ({"one": "MIT.", "two": ""}, "one: MIT."),
        ({"one": "", "two": ""}, ""),
        (
            {"one": "MIT. Faces.", "two": "MIT. Faces.", "three": "MIT. Faces. By dlib.", "four": "GPL."},
            "four: GPL. one, two, three: MIT. Faces. three: By dlib.",
        ),
    ],
)
def test_what_members_say_alike_of_their_licences_is_told_once(
    make_checkpoint: Make, tmp_path: Path, said: dict[str, str], told: str
) -> None:
    members = [make_checkpoint(tmp_path / name, name=name, licence=text) for name, text in said.items()]
    assert save_ensemble(tmp_path / "all", members).card.licence == told
