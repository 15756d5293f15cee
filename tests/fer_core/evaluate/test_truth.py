"""Checkpoints that learnt FER+'s majority are measured by it; what that leaves out is counted by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from fer_core.__main__ import app
from fer_core.card import Trained
from fer_core.data import SampleTable
from fer_core.data.labelling import in_words, left_out, under_labels
from fer_core.data.store import keep
from fer_core.errors import DataError
from fer_core.evaluate.columns import class_shares, majority_split, split_hash
from fer_core.evaluate.shelf import find
from fer_core.labels import FER7, FERPLUS8
from fer_core.predict import get_predictor
from tests.fer_core.evaluate.voted import LEFT_OUT, learnt_majority, voted

Make = Callable[..., Any]


@pytest.fixture
def samples(drawn: SampleTable) -> SampleTable:
    return voted(drawn)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_what_a_majority_leaves_out(samples: SampleTable) -> None:
    validation = samples.split("validation")
    agreed = under_labels(validation, "ferplus-majority", FER7.names)
    ids = [f"validation-{i}" for i in (112, *range(117, 168))]
    assert agreed.table["sample_id"].to_pylist() == ids
    assert agreed.table["label"].to_pylist() == ["sad", *["happy"] * 51]
    assert left_out(validation, "ferplus-majority", FER7.names) == LEFT_OUT
    assert "contempt" not in left_out(validation, "ferplus-majority", FERPLUS8.names)
    assert under_labels(validation, "given", FER7.names) is validation
    assert left_out(validation, "given", FER7.names) == {}
    assert in_words("ferplus-majority", {"contempt": 3, "no votes": 1000}) == (
        "Labels: FER+'s majority; 1,003 samples are left out (contempt 3, no votes 1,000)."
    )


def test_the_hash_of_a_split_under_its_majority(samples: SampleTable) -> None:
    data_set = keep("voted", samples, "drawn for a test")
    expected = under_labels(samples.split("validation"), "ferplus-majority", FER7.names).data_hash()
    for _ in range(2):  # worked out, and as it was kept
        assert majority_split(data_set, "validation", None, FER7.names) == (expected, LEFT_OUT)
    assert split_hash(data_set, "validation") == samples.split("validation").data_hash() != expected


def test_shares_of_classes_under_a_majority(samples: SampleTable) -> None:
    data_set = keep("voted", samples, "drawn for a test")
    shares = class_shares(data_set, ("happy", "sad"), "validation", truth="ferplus-majority")
    assert shares.tolist() == pytest.approx([51 / 52, 1 / 52])
    assert class_shares(data_set, FER7.names, "validation").tolist() == pytest.approx([1 / 7] * 7)


def test_a_checkpoint_is_measured_by_what_it_learnt(samples: SampleTable, make_checkpoint: Make, home: Path) -> None:
    checkpoint = make_checkpoint(home / "checkpoints" / "agreed", trained=learnt_majority())
    assert checkpoint.card.label_source == "ferplus-majority"
    keep("voted", samples, "drawn for a test")
    asked = ("evaluate", "--checkpoint", "agreed", "--data", "voted", "--split", "validation")
    done = run(*asked, "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    said = get_predictor("agreed").probabilities(samples.split("validation").faces()).argmax(1)
    right = said[[0, *range(5, 56)]] == np.array([FER7.index("sad"), *[FER7.index("happy")] * 51])
    assert (found["n"], found["labels"], found["left_out"]) == (52, "ferplus-majority", LEFT_OUT)
    assert found["accuracy"] == pytest.approx(right.mean())
    assert "Labels: FER+'s majority; 4 samples are left out (contempt 1, no majority 1" in run(*asked).stdout
    table = find(checkpoint.card.weights_sha256, majority_split(*_where("voted"), FER7.names)[0], "validation")
    assert table is not None
    given = json.loads(run(*asked, "--truth", "given", "--json").stdout)
    assert (given["n"], given["labels"], given["left_out"]) == (56, "given", {})
    assert given["accuracy"] == pytest.approx((said == samples.split("validation").label_indices()).mean())


def _where(name: str) -> tuple[Any, str, None]:
    from fer_core.data.store import open_data_set

    return open_data_set(name), "validation", None


def test_those_that_learnt_other_labels_are_compared_by_what_is_said(
    samples: SampleTable, make_checkpoint: Make, home: Path
) -> None:
    make_checkpoint(home / "checkpoints" / "agreed", trained=learnt_majority())
    make_checkpoint(home / "checkpoints" / "plain", seed=1)
    keep("voted", samples, "drawn for a test")
    asked = ("compare", "plain", "agreed", "--data", "voted", "--draws", "100", "--json")
    refused = run(*asked)
    assert refused.exit_code == 2
    assert "say with --truth which of them all are measured by" in refused.stderr
    for truth, n in (("given", 56), ("ferplus-majority", 52)):
        found = json.loads(run(*asked, "--truth", truth).stdout)
        assert (found["labels"], found["n"]) == (truth, n)


def test_without_votes_the_sentence_says_what_to_import(drawn: SampleTable, make_checkpoint: Make, home: Path) -> None:
    make_checkpoint(home / "checkpoints" / "agreed", trained=learnt_majority())
    data_set = keep("drawn", drawn, "drawn for a test")
    refused = run("evaluate", "--checkpoint", "agreed", "--data", "drawn", "--split", "validation")
    assert refused.exit_code == 2
    assert "have no FER+ votes" in refused.stderr
    with pytest.raises(DataError, match="have no FER\\+ votes"):
        majority_split(data_set, "validation", None, FER7.names)


def test_a_card_without_such_a_recipe_learnt_what_was_given(make_checkpoint: Make) -> None:
    assert make_checkpoint().card.label_source == "given"
    plain = Trained(data="d", data_hash="0" * 64, n=1, recipe={"labels": "given"}, seed=0, selected_on="last")
    assert make_checkpoint(trained=plain).card.label_source == "given"
