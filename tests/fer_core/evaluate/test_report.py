"""The page and the model card: whole, escaped, with the figures of the table."""

import dataclasses
import math
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
import yaml
from huggingface_hub import ModelCardData

from fer_core.card import Card, Trained
from fer_core.data import SampleTable
from fer_core.evaluate.locked import open_test
from fer_core.evaluate.predictions import About, Predictions
from fer_core.evaluate.report import figures, html_report, model_card, worst_errors
from fer_core.labels import FER7
from fer_core.preprocess import Preprocess
from tests.fer_core.evaluate.tables import table


def card(**changes: Any) -> Card:
    values = {
        "name": "model0", "summary": "for <script>alert(1)</script>", "architecture": "compact", "classes": FER7.names,
        "preprocess": Preprocess(), "licence": "Apache-2.0 for the weights.", "limits": "Not for decisions.",
        "parameters": 911287, "weights_sha256": "a" * 64,
    }  # fmt: skip
    return Card.model_validate(values | changes)


class Balance(HTMLParser):
    """Counts what is opened and not closed, and remembers the tags."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.add(tag)
        assert not any(name in {"src", "href"} and not value.startswith("data:") for name, value in attrs)
        if tag not in {"meta", "img", "polyline"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:  # noqa: ARG002
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


def test_the_page_is_whole_and_fetches_nothing() -> None:
    given = table(300, views=2)
    page = Balance(html_report(card(), given, [(np.zeros((48, 48), np.uint8), "sad, taken for <b>")]))
    assert page.open == []
    assert "script" not in page.tags
    assert {"svg", "table", "img"} <= page.tags
    assert "for <script>alert(1)</script>" in page.words
    scores = given.scores()
    assert f"{scores.accuracy:.4f} [{scores.accuracy_interval[0]:.4f}" in page.words
    assert f"{scores.per_class['fear'].precision:.4f}" in page.words


def test_the_page_of_a_class_without_samples_and_of_none() -> None:
    given = table(60)
    part = given.take(given.labels != 1)
    assert "n/a" in Balance(html_report(card(), part)).words
    assert "n = 0" in Balance(html_report(card(), table(0))).words


def test_looks_at_the_test_split_are_told() -> None:
    given = table(20, split="test")
    for why in ("one", "two"):
        open_test(given.about.model_hash, given.about.data_hash, why)
    assert "Looks at this test split2" in Balance(html_report(card(), given)).words


def read(text: str) -> tuple[dict[str, Any], str]:
    _, head, body = text.split("---\n", 2)
    return yaml.safe_load(head), body


def test_the_model_card_is_one_that_hugging_face_reads() -> None:
    given = table(300)
    head, body = read(model_card(card(summary="small"), given))
    assert head["license"] == "apache-2.0"
    assert head["pipeline_tag"] == "image-classification"
    metrics = {m["type"]: m["value"] for m in head["model-index"][0]["results"][0]["metrics"]}
    assert metrics["accuracy"] == pytest.approx(given.scores().accuracy, abs=1e-4)
    assert metrics["f1"] == pytest.approx(given.scores().macro_f1, abs=1e-4)
    assert len(ModelCardData(**{**head, "model_name": "m"}).eval_results or []) == 3
    assert "## Limits\n\nNot for decisions." in body
    assert "| fear |" in body
    assert "## Intended use" not in body
    assert read(model_card(card(licence="Research only."), given))[0]["license"] == "other"


def test_the_model_card_tells_copies_recipe_and_seed() -> None:
    given = table(300)
    copies = np.zeros(300, bool)
    copies[np.flatnonzero(given.right)[:50]] = True  # known by heart: all of them right
    right = int(given.right.sum())
    learnt = Trained(data="d", data_hash="0", n=9, recipe={"name": "wide"}, seed=7, selected_on="the last epoch")
    found = card(trained=learnt)
    body = read(model_card(found, dataclasses.replace(given, twins=copies)))[1]
    assert f"| all | 300 | {right / 300:.4f} [" in body
    assert f"| without exact copies of training samples | 250 | {(right - 50) / 250:.4f} [" in body
    assert "Recipe wide, seed 7; selected by the last epoch." in body
    known = {"started_from": "random weights", "taught_by": {"big": "a1" * 32, "old": "b2" * 32}}
    words = "began with random weights, taught by big (weights a1a1a1a1a1a1) and old (weights b2b2b2b2b2b2); selected"
    origin = read(model_card(card(trained=learnt.model_copy(update=known)), given))[1]
    assert f"Recipe wide, seed 7; {words} by the last epoch." in origin
    both = read(model_card(card(trained=learnt.model_copy(update={"recipe": {"members": ["a", "b"]}})), given))[1]
    assert "Recipe the mean of a and b; selected" in both
    assert "Recipewide, seed 7" in Balance(html_report(found, given)).words
    unknown = read(model_card(card(), dataclasses.replace(given, twins=None)))[1]
    assert "Copies of training samples were not looked for." in unknown


def test_figures_of_nothing_are_undefined() -> None:
    empty: Predictions = table(0)
    assert all(np.isnan(v.value) for v in figures(empty).values())
    assert read(model_card(card(), empty))[0].get("model-index") is None


def test_without_draws_only_top_1_has_bounds() -> None:
    given = table(300)
    found, scores = figures(given, draws=0), given.scores()
    assert (found["top-1"].low, found["top-1"].high) == scores.accuracy_interval
    assert found["macro-F1"].value == scores.macro_f1
    assert math.isnan(found["macro-F1"].low)


def test_the_most_confident_errors_first_whatever_the_order_of_the_samples(drawn: SampleTable) -> None:
    answered = drawn.split("validation")
    labels = answered.label_indices()
    logits = np.eye(7, dtype=np.float32)[labels][None].copy()
    for row, height in ((5, 3.0), (9, 5.0)):  # sure of the class after the right one
        logits[0, row] = 0
        logits[0, row, (labels[row] + 1) % 7] = height
    about = About(model="m", model_hash="a" * 64, data_hash="b" * 64, split="validation", classes=FER7.names)
    predictions = Predictions(answered.table["sample_id"].combine_chunks(), labels, logits, about)
    found = worst_errors(drawn, predictions)  # all splits, validation in the middle
    assert len(found) == 2
    for (face, words), (row, height) in zip(found, ((9, 5.0), (5, 3.0)), strict=True):
        assert np.array_equal(face, answered.decode(row))
        sure = math.exp(height) / (math.exp(height) + 6)
        right, said = FER7.names[labels[row]], FER7.names[(labels[row] + 1) % 7]
        assert words == f"{right}, taken for {said} ({sure:.0%})"
    assert len(worst_errors(drawn, predictions, most=1)) == 1
    assert worst_errors(drawn.split("train"), predictions) == []
