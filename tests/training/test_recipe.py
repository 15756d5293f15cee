"""Recipes: what is shipped can be run, what is wrong is said in one sentence each."""

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import save

from fer_core.errors import RecipeError
from fer_core.labels import FER7, FERPLUS8
from fer_core.models import create_model
from fer_core.preprocess import Preprocess
from training.recipe import RECIPES, Recipe, list_recipes, load_recipe, parse_recipe

LEAST: dict[str, Any] = {"name": "least", "model": {"architecture": "compact"}}


@pytest.mark.parametrize("name", sorted(p.stem for p in RECIPES.glob("*.yaml")))
def test_shipped_recipes_can_be_run(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.name == name
    assert recipe.summary
    channels, side = recipe.preprocess.channels, recipe.preprocess.size_px
    with torch.device("meta"):
        network = create_model(
            recipe.model.architecture, num_classes=len(recipe.classes), in_channels=channels, **recipe.model.arguments
        ).eval()
        assert network(torch.zeros(2, channels, side, side)).shape == (2, len(recipe.classes))


def test_recipes_are_listed_by_name() -> None:
    assert "compact" in list_recipes()
    assert list_recipes() == sorted(p.stem for p in RECIPES.iterdir() if p.suffix == ".yaml")


def test_compact_fits_its_budget() -> None:
    recipe = load_recipe("compact")
    network = create_model(
        recipe.model.architecture,
        num_classes=len(recipe.classes),
        in_channels=recipe.preprocess.channels,
        **recipe.model.arguments,
    )
    assert sum(p.numel() for p in network.parameters()) <= 1_000_000
    assert len(save(network.state_dict())) <= 4_000_000
    assert (recipe.preprocess.size_px, recipe.preprocess.channels) == (48, 1)
    assert recipe.classes == FER7.names


def test_values_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        "name: mine\nmodel: {architecture: vggnet-670k, arguments: {}}\n"
        "classes: [neutral, happiness, surprise, sadness, anger, disgust, fear, contempt]\n"
        "preprocess: {size_px: 100, channels: 3, mean: [0.1, 0.2, 0.3], std: [0.4, 0.5, 0.6]}\n"
        "augment: {flip: 0.25, rotate_deg: 10}\noptimiser: {name: adamw, learning_rate: 1e-2}\n"
    )
    recipe = load_recipe(file)
    assert recipe.classes == FERPLUS8.names  # canonical, as in the card that comes out
    assert recipe.preprocess.std == (0.4, 0.5, 0.6)
    assert (recipe.augment.flip, recipe.augment.rotate_deg, recipe.augment.shift) == (0.25, 10, 0)
    assert (recipe.optimiser.name, recipe.optimiser.learning_rate) == ("adamw", 0.01)
    assert (recipe.epochs, recipe.batch_size, recipe.seed) == (20, 128, 0)


def test_overrides() -> None:
    changes = [
        "epochs=3",
        "optimiser.learning_rate=0.02",
        "augment.erase=0",
        "model.arguments.dropout=0.25",
        "preprocess.mean=[0.4]",
        "select=last",
        "flip_at_test=false",
    ]
    recipe = load_recipe("compact", changes)
    assert recipe.epochs == 3
    assert recipe.optimiser.learning_rate == 0.02
    assert recipe.augment.erase == 0
    assert recipe.model.arguments == load_recipe("compact").model.arguments | {"dropout": 0.25}
    assert recipe.preprocess.mean == (0.4,)
    assert recipe.select == "last"
    assert recipe.flip_at_test is False
    untouched = load_recipe("compact")
    assert recipe.optimiser.weight_decay == untouched.optimiser.weight_decay == 0.0005
    assert untouched.epochs == yaml.safe_load((RECIPES / "compact.yaml").read_text())["epochs"]
    assert load_recipe("compact", ["epochs=3", "epochs=4"]).epochs == 4


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("epochs", "--set takes key=value, not 'epochs'; for example"),
        ("=3", "--set takes key=value, not '=3'"),
        ("epochs.many=3", "--set epochs.many=3: epochs has no keys of its own"),
        ("epochs=[3", r"--set epochs=\[3: '\[3' is not a value in YAML"),
        ("epochs=many", "epochs: .*valid integer.*, not 'many'"),
        ("epochs=", "epochs: .*, not None"),
        ("epoch=3", "epoch is not a key of a recipe; did you mean epochs?"),
        ("learning_rate=3", r"learning_rate is not a key of a recipe; did you mean optimiser\.learning_rate\?"),
        ("augment.flp=1", r"augment\.flp is not a key of a recipe; did you mean augment\.flip\?"),
        ("augment.learningrate=1", r"did you mean optimiser\.learning_rate\?"),
        ("optimiser.nam=sgd", r"did you mean optimiser\.name\?"),
        ("nam=sgd", r"did you mean name\?"),
        ("preprocess.size=48", r"did you mean preprocess\.size_px\?"),
        ("xyzzy=48", r"xyzzy is not a key of a recipe\.$"),
        ("classes.9=joy", "--set classes.9=joy: there are 2 entries, numbered from 0; '9' is none of them"),
        ("classes.first=joy", "'first' is none of them"),
    ],
)
def test_wrong_overrides(override: str, said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        load_recipe("compact", ["classes=[happy, sad]", override])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"epochs": 0}, "epochs: .*greater than or equal to 1, not 0"),
        ({"batch_size": 1}, "batch_size: .*greater than or equal to 2"),
        ({"average_decay": 1}, "average_decay: .*less than 1"),
        ({"precision": "float16"}, "precision: .*'auto', 'float32' or 'bfloat16', not 'float16'"),
        ({"select": "worst"}, "select: .*'best' or 'last'"),
        ({"seed": -1}, "seed: .*greater than or equal to 0"),
        ({"seed": 2**31}, "seed: .*less than 2147483648"),
        ({"classes": ["happy"]}, "classes: .*needs at least two"),
        ({"classes": ["happy", "joy"]}, "classes: .*happy more than once"),
        ({"augment": {"flip": 1.5}}, r"augment\.flip: .*less than or equal to 1, not 1.5"),
        ({"augment": {"shift": -0.1}}, r"augment\.shift"),
        ({"augment": None}, "augment: .*not None"),
        ({"optimiser": {"learning_rate": 0}}, r"optimiser\.learning_rate: .*greater than 0"),
        ({"optimiser": {"learning_rate": float("inf")}}, r"optimiser\.learning_rate: .*finite"),
        ({"optimiser": {"name": "adamax"}}, r"optimiser\.name: .*'sgd', 'adam' or 'adamw', not 'adamax'"),
        ({"optimiser": {"schedule": "step"}}, r"optimiser\.schedule: .*'constant' or 'plateau', not 'step'"),
        ({"loss": {"class_weights": "balance"}}, r"loss\.class_weights: .*'balanced' or 'effective-number'"),
        ({"loss": {"class_weights": {"happy": -1}}}, r"loss\.class_weights\.happy: .*greater than or equal to 0"),
        ({"loss": {"class_weights": {"bored": 2}}}, r"loss\.class_weights names bored, but the classes are \('angry'"),
        ({"loss": {"class_weights": dict.fromkeys(FER7.names, 0)}}, "leaves no class a weight above zero"),
        ({"preprocess": {"mean": "from-dta"}}, r"preprocess\.mean: .*'from-data', not 'from-dta'"),
        ({"phases": []} | {"epochs": -1}, "epochs: .*greater than or equal to 1"),
        ({"phases": [{"name": "a", "epochs": 0}]}, r"phases\.0\.epochs: .*greater than or equal to 1"),
        ({"phases": [{"name": "a", "epochs": 1, "freze": []}]}, r"phases\.0\.freze .*; did you mean phases\.freeze\?"),
        ({"phases": [{"name": "a", "epochs": 1}] * 2}, "phases: each needs a name of its own, not a, a"),
        ({"phases": [{"name": "a", "epochs": 3}], "epochs": 2}, "epochs is 2, but the phases have 3 together"),
        (
            {
                "phases": [{"name": "a", "epochs": 3, "rates": {"hed": 1}}],
                "groups": [{"name": "head", "layers": ["x"]}],
            },
            "phase a: rates names hed; the groups are head",
        ),
        ({"target": {"vote_weight": 2}}, r"target\.vote_weight"),
        ({"target": {"label_smoothing": 1}}, r"target\.label_smoothing: .*less than 1"),
        ({"preprocess": {"channels": 3}}, "preprocess: .*mean has 1"),
        ({"model": {"architecture": "compact", "arguments": {"num_classes": 8}}}, r"model\.arguments: .*num_classes"),
        (
            {"model": {"architecture": "compact", "arguments": {"pretrained": True}}},
            r"model\.arguments: .*model\.pretrained=imagenet",
        ),
        ({"labels": "majority"}, r"labels: .*'given' or 'ferplus-majority', not 'majority'"),
        ({"model": {}}, r"model\.architecture is missing\."),
    ],
)
def test_wrong_values(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        parse_recipe(LEAST | changes)


def test_every_mistake_is_told_at_once() -> None:
    with pytest.raises(RecipeError, match=r"^here: model is missing\. epochs: .* lerning is not a key .*"):
        parse_recipe({"name": "x", "epochs": 0, "lerning": 1}, where="here")


def test_what_is_no_recipe(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"There is no recipe 'compcat'; there are: .*compact"):
        load_recipe("compcat")
    with pytest.raises(RecipeError, match=r"There is no recipe '/nowhere/x.yaml'"):
        load_recipe("/nowhere/x.yaml")
    with pytest.raises(RecipeError, match="There is no recipe"):
        load_recipe(tmp_path.rename(tmp_path.with_suffix(".yaml")))
    file = tmp_path.with_suffix(".yaml") / "mine.yml"
    for content, said in (
        (b"a: [1", "is not valid YAML"),
        (b"\xff\xfe\x00\xd8", "is not valid YAML"),
        (b"- 1\n- 2", "must hold keys and values, but holds list"),
        (b"", "must hold keys and values, but holds NoneType"),
        (b"!!python/object/apply:os.mkdir [ran]", "is not valid YAML"),
    ):
        file.write_bytes(content)
        with pytest.raises(RecipeError, match=said):
            load_recipe(file)
    assert not Path("ran").exists()


def test_phases_that_are_asked_for_replace_the_epochs_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump(LEAST | {"epochs": 110}))
    two = "phases=[{name: head, epochs: 2}, {name: all, epochs: 3}]"
    assert load_recipe(file, [two]).epochs == 5
    assert load_recipe(file, ["phases=[]"]).epochs == 110
    assert load_recipe(file, [two, "phases.1.epochs=7"]).epochs == 9
    assert load_recipe(file, [two, "epochs=5"]).epochs == 5
    with pytest.raises(RecipeError, match=r"epochs is 6, but the phases have 5 together; leave epochs out"):
        load_recipe(file, [two, "epochs=6"])
    file.write_text(yaml.safe_dump(LEAST | {"epochs": 2, "phases": [{"name": "a", "epochs": 2}]}))
    assert load_recipe(file, ["phases.0.epochs=4"]).epochs == 4


def test_phases_make_the_epochs() -> None:
    phases = [{"name": "head", "epochs": 3, "freeze": ["*", "!head"]}, {"name": "all", "epochs": 4}]
    recipe = parse_recipe(LEAST | {"phases": phases})
    assert recipe.epochs == 7
    assert parse_recipe(recipe.model_dump(mode="json")) == recipe
    found = [(recipe.phase_at(epoch)[0].name, recipe.phase_at(epoch)[1]) for epoch in range(8)]
    assert found == [("head", 0)] * 3 + [("all", 3)] * 5  # a finished run asks for the epoch after the last
    assert parse_recipe(LEAST).phase_at(19)[1] == 0


def test_entries_of_a_list_are_changed_by_their_number(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    phases = [{"name": "head", "epochs": 3}, {"name": "all", "epochs": 4}]
    file.write_text(yaml.safe_dump(LEAST | {"phases": phases}))
    recipe = load_recipe(
        file, ["phases.1.epochs=1", "phases.0.learning_rate=0.5", "classes=[sad, happy]", "classes.0=fear"]
    )
    assert [(p.epochs, p.learning_rate) for p in recipe.phases] == [(3, 0.5), (1, None)]
    assert recipe.epochs == 4
    assert recipe.classes == ("fear", "happy")


def test_mean_and_deviation_may_be_left_to_the_data() -> None:
    recipe = parse_recipe(LEAST | {"preprocess": {"channels": 3, "mean": "from-data", "std": [0.2, 0.3, 0.4]}})
    assert recipe.preprocess.unresolved
    assert recipe.model_dump(mode="json")["preprocess"]["mean"] == "from-data"
    resolved = recipe.preprocess.resolved((0.1, 0.2, 0.3), (0.9, 0.9, 0.9))
    assert type(resolved) is Preprocess
    assert (resolved.mean, resolved.std) == ((0.1, 0.2, 0.3), (0.2, 0.3, 0.4))  # what the recipe gives stays
    assert not parse_recipe(LEAST).preprocess.unresolved


@pytest.mark.parametrize("name", ["compact", "kdef-vgg16"])
def test_a_recipe_survives_its_own_json(name: str) -> None:
    recipe = load_recipe(name)
    assert Recipe.model_validate_json(recipe.model_dump_json()) == recipe
    assert parse_recipe(yaml.safe_load(yaml.safe_dump(recipe.model_dump(mode="json")))) == recipe
