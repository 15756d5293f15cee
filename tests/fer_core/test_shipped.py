"""What is promised of the checkpoints that come with the project."""

import re
import subprocess
from pathlib import Path

import pytest

from fer_core.card import WEIGHTS, Card, read_card
from fer_core.checkpoint import Checkpoint
from fer_core.labels import FER7, FERPLUS8
from fer_core.workspace import SHIPPED_CHECKPOINTS
from training.recipe import parse_recipe

ROOT = Path(__file__).resolve().parents[2]
NAMES = sorted(folder.name for folder in SHIPPED_CHECKPOINTS.iterdir() if folder.is_dir())
MOST_PARAMETERS = {"compact": 1_000_000, "compact-teacher": 1_000_000, "ferplus-670k": 670_183}
CLASSES = {"ferplus-670k": FERPLUS8}


def card_of(name: str) -> Card:
    return read_card(SHIPPED_CHECKPOINTS / name)


def test_all_are_looked_at_here() -> None:
    assert set(NAMES) == set(MOST_PARAMETERS)


@pytest.mark.parametrize("name", NAMES)
def test_card_and_weights(name: str) -> None:
    card = card_of(name)
    network = Checkpoint(SHIPPED_CHECKPOINTS / name, card).load()  # checks the hash of the weights
    assert sum(p.numel() for p in network.parameters()) == card.parameters <= MOST_PARAMETERS[name]
    assert card.classes == CLASSES.get(name, FER7).names
    assert card.licence
    assert card.limits
    assert card.latency["float32"].threads == 1
    measured = card.metrics["validation"]
    assert measured["twins_in_train"] == measured["n"] - measured["deduplicated"]["n"] > 0
    assert card.trained is not None
    parse_recipe(card.trained.recipe)  # can be run again
    made = subprocess.run(
        ["make", "-n", f"train-{name}", "DATA=x"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    steps = ["training fit", *(["fer_core calibrate", "fer_core export"] if card.exports else []), "fer_core card"]
    assert re.findall(r"-m (training \w+|fer_core \w+)", made.stdout) == steps
    assert f"training fit {name} --data x" in made.stdout


@pytest.mark.parametrize("name", [name for name in NAMES if "int8" in card_of(name).exports])
def test_eight_bits_lose_half_a_point_at_most_and_take_3_ms(name: str) -> None:
    card = card_of(name)
    lost = card.metrics["validation"]["accuracy"] - card.exports["int8"].metrics["validation"]["accuracy"]
    assert lost <= 0.005
    assert card.latency["int8"].median_ms <= 3


@pytest.mark.parametrize("name", ["compact", "ferplus-670k"])
def test_calibrated(name: str) -> None:
    card = card_of(name)
    assert card.temperature != 1
    assert card.metrics["validation"]["ece"] <= 0.03


def test_small_enough_for_git() -> None:
    files = [file for file in SHIPPED_CHECKPOINTS.rglob("*") if file.is_file()]
    assert sum(file.name == WEIGHTS for file in files) == len(NAMES)
    assert sum(file.stat().st_size for file in files) < 60e6
