"""What a recipe says of a sweep: the space, its mistakes, and the recipe of a trial."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from fer_core.errors import RecipeError
from training.recipe import load_recipe
from training.recipe.loading import recipe_values
from training.recipe.sweeping import label, load_sweep, parse_sweep, with_values


def test_the_published_sweep() -> None:
    """What its authors are known to have varied; a run of the recipe itself is not touched by it."""
    values, spec = load_sweep("fec-cnn-sweep")
    assert spec.space["model.arguments.hidden"].choices == ([100, 200, 100], [200, 100, 300], [200, 300, 100, 200, 300])
    assert (spec.metric, spec.direction, spec.sampler) == ("val_accuracy", "maximize", "tpe")
    assert "sweep" not in values
    larger, same = load_sweep("fec-cnn-sweep", ["preprocess.size_px=180", "model.arguments.map_px=45"])
    assert same == spec
    trial = with_values(larger, {"model.arguments.filters": [32]})
    assert (trial.preprocess.size_px, trial.model.arguments["map_px"]) == (180, 45)
    assert load_recipe("fec-cnn-sweep") == with_values(values, {})


def test_a_trial_is_the_recipe_with_its_values() -> None:
    values = recipe_values("kdef-vgg16")
    before = yaml.safe_dump(values)
    epochs = [phase["epochs"] for phase in values["phases"]]
    trial = with_values(values, {"phases.0.epochs": epochs[0] + 4, "optimiser.learning_rate": 0.0123})
    assert trial.epochs == sum(epochs) + 4
    assert trial.optimiser.learning_rate == 0.0123
    assert yaml.safe_dump(values) == before


@pytest.mark.parametrize(
    "axis", ["{low: 1, high: 1.0e+308}", "{low: -1.0e+300, high: 0.5}", f"{{low: 1, high: {10**400}}}"]
)
def test_numbers_that_no_key_takes(axis: str) -> None:
    with pytest.raises(RecipeError, match=r"batch_size.*has a number beyond 9,007,199,254,740,992"):
        load_sweep("compact", (), [f"batch_size={axis}"])


def test_the_space_from_the_command_line(tmp_path: Path) -> None:
    """It comes to that of the file, or takes its place; `--set` changes the rest."""
    file = tmp_path / "mine.yaml"
    base = recipe_values("compact")
    file.write_text(yaml.safe_dump({**base, "sweep": {"space": {"batch_size": [32, 64], "seed": [1, 2]}}}))
    _, spec = load_sweep(
        file,
        ["sweep.metric=val_loss", "epochs=3"],
        ["batch_size={low: 16, high: 64, step: 16}", "optimiser.learning_rate={low: 1e-4, high: 0.1, log: true}"],
    )
    assert spec.direction == "minimize"
    assert (spec.space["batch_size"].low, spec.space["batch_size"].step, spec.space["batch_size"].whole) == (
        16,
        16,
        True,
    )
    assert spec.space["seed"].choices == (1, 2)
    rate = spec.space["optimiser.learning_rate"]
    assert (rate.low, rate.high, rate.log, rate.whole) == (0.0001, 0.1, True, False)


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"space": {"batch_size": {"low": 64, "high": 32}}}, "low is 64, which is not below high, 32"),
        ({"space": {"batch_size": {"low": 64}}}, "needs choices, or low and high"),
        ({"space": {"batch_size": {"choices": [8], "low": 1}}}, "but not both"),
        ({"space": {"batch_size": [8, 8]}}, "names a choice twice"),
        ({"space": {"x": {"low": 0.0, "high": 1.0, "log": True}}}, "log needs a low above 0"),
        ({"space": {"x": {"low": 1, "hihg": 2}}}, "sweep.space.x.hihg is not a key; there are: choices, low, high"),
        ({"space": {"x": [1]}, "metric": "test_accuracy"}, "sweep.metric"),
        ({"spcae": {}}, "sweep.spcae is not a key; there are: space, metric"),
    ],
)
def test_mistakes_in_the_section(section: Any, said: str) -> None:
    with pytest.raises(RecipeError, match=re.escape(said)):
        parse_sweep(section, "sweep")


def test_every_value_is_tried_before_anything_is_trained() -> None:
    with pytest.raises(RecipeError, match=r"batch_size=1: batch_size: .*greater than or equal to 2"):
        load_sweep("compact", searches=["batch_size=[1, 32]"])
    with pytest.raises(RecipeError, match=r"did you mean optimiser\.learning_rate\?"):
        load_sweep("compact", searches=["optimiser.learning_rat=[0.1, 0.2]"])
    with pytest.raises(RecipeError, match="says nothing of what is to be varied"):
        load_sweep("compact")
    with pytest.raises(RecipeError, match="must hold keys and values"):
        load_sweep("compact", ["sweep=fast"])
    with pytest.raises(RecipeError, match="--search takes key=value"):
        load_sweep("compact", searches=["batch_size"])


def test_a_section_without_a_space_is_filled_from_the_command_line(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump({**recipe_values("compact"), "sweep": {"space": None}}))
    _, spec = load_sweep(file, searches=["seed=[1, 2]"])
    assert {key: axis.choices for key, axis in spec.space.items()} == {"seed": (1, 2)}


def test_dates_among_the_choices_are_refused_in_a_sentence() -> None:
    """YAML has dates, JSON has none."""
    with pytest.raises(RecipeError, match=r"A trial with licence=2020-01-01: licence: Input should be a valid str"):
        load_sweep("compact", searches=["licence=[2020-01-01, 2020-01-02]"])
    with pytest.raises(RecipeError, match="names a choice twice"):
        load_sweep("compact", searches=["licence=[2020-01-01, 2020-01-01]"])
    with pytest.raises(RecipeError, match=r"A trial with licence=\{datetime.date\(2020, 1, 1\): 1\}"):
        load_sweep("compact", searches=["licence=[{2020-01-01: 1}]"])


@pytest.mark.parametrize(
    ("axis", "tried"),
    [
        ("{low: 16.0, high: 64.0}", "16.5"),
        ("{low: 16, high: 64.0}", "16.5"),
        ("{low: 4, high: 8, step: 0.5}", "4.5"),
        ("{low: 4, high: 8, step: 1.5}", "5.5"),
        ("{low: 16.0, high: 64.0, log: true}", "16.5"),
    ],
)
def test_a_range_of_fractions_does_not_fit_a_key_of_whole_numbers(axis: str, tried: str) -> None:
    """Both ends would; what is drawn between them would not, and the trials failed one by one."""
    with pytest.raises(
        RecipeError, match=rf"batch_size={tried}: batch_size: .*write whole numbers for low, high and st"
    ):
        load_sweep("compact", searches=[f"batch_size={axis}"])


@pytest.mark.parametrize(
    "search",
    [
        "batch_size={low: 16, high: 64, step: 16}",
        "batch_size={low: 16.0, high: 64.0, step: 16.0}",  # none but whole numbers can be drawn
        "batch_size={low: 16.0, high: 17.0, step: 1.5}",  # 16 alone
        "optimiser.learning_rate={low: 0.25, high: 0.75}",
        "optimiser.learning_rate={low: 1, high: 2.5}",
    ],
)
def test_ranges_that_fit(search: str) -> None:
    key = search.partition("=")[0]
    assert list(load_sweep("compact", searches=[search])[1].space) == [key]


def test_labels() -> None:
    assert [label(c) for c in (3, 0.5, "adam", None, True, [32, 64])] == [3, 0.5, "adam", None, True, "[32, 64]"]
