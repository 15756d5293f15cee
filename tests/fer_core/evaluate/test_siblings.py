"""Other seeds of a recipe: who is one, also of a card that is older than today's recipes, and what they reached."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fer_core.card import Card, read_card
from fer_core.checkpoint import Checkpoint
from fer_core.data import SampleTable
from fer_core.errors import DataError
from fer_core.evaluate.complete import complete
from fer_core.evaluate.siblings import LATER, differing, measured_siblings, spread, spread_text
from fer_core.predict import Predictor
from fer_core.workspace import SHIPPED_CHECKPOINTS
from tests.fer_core.evaluate.seeds import trained
from training.recipe import keys_of, load_recipe, parse_recipe
from training.recipe.recipe import Recipe

Make = Callable[..., Checkpoint]


@pytest.fixture(scope="module")
def compact() -> Card:
    """As it is shipped: it was trained before recipes had losses, groups of layers and so on."""
    return read_card(SHIPPED_CHECKPOINTS / "compact")


def test_seeds(make_checkpoint: Make, drawn: SampleTable, tmp_path: Path) -> None:
    own = make_checkpoint(trained=trained(0))
    others = [make_checkpoint(tmp_path / f"seed{n}", n, trained=trained(n, name=f"r{n}")) for n in (1, 2)]
    card = complete(own, drawn, others)
    held = drawn.split("validation")
    right = [Predictor(o).probabilities(held.faces()).argmax(1) == held.label_indices() for o in others]
    assert [(s.seed, s.accuracy, s.n) for s in card.siblings] == [
        (n, pytest.approx(r.mean()), 56) for n, r in enumerate(right, 1)
    ]
    told = card.model_copy(
        update={
            "metrics": {"validation": {"accuracy": 0.70}},
            "siblings": tuple(
                s.model_copy(update={"accuracy": a}) for s, a in zip(card.siblings, (0.72, 0.74), strict=True)
            ),
        }
    )
    assert spread(told) == (pytest.approx(0.72), pytest.approx(0.02), 3)
    assert spread_text(told) == "mean 72.0 %, standard deviation 2.00 points over 3 seeds"
    assert spread(own.card) is None
    assert not spread_text(own.card)
    again = complete(Checkpoint(own.folder, card), drawn)
    assert again.siblings == card.siblings  # kept where none is named


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"trained": trained(1, epochs=4)}, "their recipes differ in epochs"),
        ({"trained": trained(1, loss={"name": "focal"}, new=[1])}, "their recipes differ in loss.name, new"),
        ({"trained": trained(1) | {"data_hash": "1"}}, "their training data differ"),
        ({"trained": trained(0)}, "has the seed 0 of random"),
        ({"trained": None}, "other was not trained here"),
    ],
)
def test_no_siblings(
    changes: dict[str, Any], said: str, make_checkpoint: Make, drawn: SampleTable, tmp_path: Path
) -> None:
    own = make_checkpoint(trained=trained(0))
    with pytest.raises(DataError, match=said):
        measured_siblings(own.card, [make_checkpoint(tmp_path / "other", **changes)], drawn.split("validation"))


def test_one_sibling_does_not_count_twice(make_checkpoint: Make, drawn: SampleTable, tmp_path: Path) -> None:
    own, other = make_checkpoint(trained=trained(0)), make_checkpoint(tmp_path / "other", trained=trained(1))
    with pytest.raises(DataError, match="other has the seed 1 of other"):
        measured_siblings(own.card, [other, other], drawn.split("validation"))


def test_a_recipe_of_today_is_that_of_the_shipped_card(compact: Card) -> None:
    assert compact.trained is not None
    shipped = compact.trained.recipe
    assert "loss" not in shipped  # an old card; where it is trained anew, one that is kept here takes its place
    today = load_recipe("compact", ["seed=1"]).model_dump(mode="json")
    assert differing(shipped, today) == []
    changes = ["weights=float16", "loss.name=focal", "augment.erase=0.2"]
    other = load_recipe("compact", changes).model_dump(mode="json")
    assert differing(shipped, other) == ["augment.erase", "loss.name", "weights"]
    assert differing(other, shipped) == ["augment.erase", "loss.name", "weights"]


def test_what_old_cards_lack_has_the_default_of_the_schema(compact: Card) -> None:
    """Every key of today's recipes is in the oldest card or in the list of later keys, there with its default."""
    assert compact.trained is not None
    today = parse_recipe({"name": "r", "model": {"architecture": "compact"}}).model_dump(mode="json")
    for name, value in LATER.items():
        assert (value.items() <= today[name].items()) if isinstance(value, dict) else (value == today[name]), name

    def known(key: str, *recipes: dict[str, Any]) -> bool:
        part, _, inner = key.partition(".")
        return any(part in r and (not inner or not isinstance(r[part], dict) or inner in r[part]) for r in recipes)

    unknown = [key for key in keys_of(Recipe) if not known(key, compact.trained.recipe, LATER)]
    assert unknown == []


@pytest.mark.parametrize(("fitted_on", "right"), [("", 12), ("validation", 20)])
def test_siblings_are_measured_as_the_card_is(
    fitted_on: str,
    right: int,
    make_checkpoint: Make,
    drawn: SampleTable,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of 48 faces 12 are right with 4 as the highest logit: far too sure. Of 8 more a temperature decides.

    Their views say a at 2, and b at 2.2 with c at 2. At temperature 1 that is 0.60 against 0.50 (sums over the views)
    for a, at 5 it is 0.327 against 0.323 for b, which is the truth.
    """
    held = drawn.split("validation")
    truth = held.label_indices()
    logits = np.zeros((2, len(truth), 7), dtype=np.float32)
    for row, true in enumerate(truth):
        a, c = (true + 1) % 7, (true + 2) % 7
        if row < 48:
            logits[:, row, true if row % 4 == 0 else a] = 4
        else:
            logits[0, row, a] = 2
            logits[1, row, [true, c]] = 2.2, 2
    monkeypatch.setattr(Predictor, "logits", lambda *_, **__: logits)
    own = make_checkpoint(trained=trained(0), temperature_fitted_on=fitted_on)
    (found,) = measured_siblings(own.card, [make_checkpoint(tmp_path / "other", trained=trained(1))], held)
    assert found.accuracy == right / 56
