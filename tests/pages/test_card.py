"""What the first page says about a checkpoint's figures."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from fer_core.card import Card
from fer_core.labels import FER7
from fer_core.preprocess import Preprocess

FIGURES = {
    "n": 3589,
    "accuracy": 0.693,
    "accuracy_interval": [0.678, 0.708],
    "balanced_accuracy": 0.65,
    "macro_f1": 0.6645,
    "ece": 0.0744,
    "per_class": {name: {"n": 10, "recall": 0.5, "recall_interval": [0.24, 0.76]} for name in FER7.names},
}
APART = FIGURES | {"n": 3309, "accuracy": 0.678, "accuracy_interval": [0.662, 0.694], "macro_f1": 0.634}


def said(**changes: Any) -> str:
    """The words under a card."""
    values = {"name": "mine", "architecture": "compact", "classes": FER7.names, "preprocess": Preprocess()}
    card = Card.model_validate(values | changes)

    def page(card) -> None:  # runs as a script of its own, without the imports above
        from ui.card import show_card

        show_card(card)

    app = AppTest.from_function(page, kwargs={"card": card}, default_timeout=60).run()
    assert not app.exception
    words = "\n".join(element.value for kind in (app.markdown, app.caption, app.info) for element in kind)
    return words.replace("\u00a0", " ")


def test_official_and_deduplicated_figures_stand_side_by_side() -> None:
    words = said(metrics={"validation": FIGURES | {"twins_in_train": 280, "deduplicated": APART}})
    assert "| official | 3,589 | 69.3 % [67.8, 70.8] | 65.0 % | 0.664 | 0.074 |" in words
    assert "| without twins | 3,309 | 67.8 % [66.2, 69.4] | 65.0 % | 0.634 | 0.074 |" in words
    assert "280 of the validation faces (7.8 %) have an exact twin in the train split" in words


@pytest.mark.parametrize("more", [{}, {"twins_in_train": None, "deduplicated": None}])
def test_figures_that_know_nothing_of_twins(more: dict[str, Any]) -> None:
    words = said(metrics={"validation": FIGURES | more})
    assert "| official | 3,589 |" in words
    assert "twin" not in words


def test_no_twins_at_all() -> None:
    words = said(metrics={"validation": FIGURES | {"twins_in_train": 0, "deduplicated": FIGURES}})
    assert "No validation face has an exact twin in the train split." in words


def test_nothing_but_twins() -> None:
    nothing = FIGURES | {"n": 0, "ece": None, "macro_f1": None, "balanced_accuracy": None, "accuracy": None}
    nothing["accuracy_interval"] = [None, None]
    words = said(metrics={"validation": FIGURES | {"twins_in_train": 3589, "deduplicated": nothing}})
    assert "| without twins | 0 | n/a | n/a | n/a | n/a |" in words


def test_a_temperature_says_what_it_was_fitted_on() -> None:
    words = said(temperature=0.757, temperature_fitted_on="validation of fer2013.parquet, n = 3,589")
    assert "**Temperature** 0.76, fitted on validation of fer2013.parquet, n = 3,589" in words
    assert "python -m fer_core evaluate --checkpoint mine --data PATH --split validation" in words
    assert "Temperature" not in said()
