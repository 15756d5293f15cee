"""Other seeds of a checkpoint's recipe: who is one, what they reached, and how much chance decides.

A sibling is measured as its card's checkpoint is. Where that has a temperature that was fitted on the validation split,
the sibling gets one of its own in the same way: over two views (face and mirror image) a temperature moves top-1 by up
to 0.1 points, which would otherwise be counted as the seed's.
"""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Callable, Sequence
from typing import Any

from fer_core.card import Card, Sibling
from fer_core.checkpoint import Checkpoint
from fer_core.cli import percent
from fer_core.data import SampleTable
from fer_core.errors import DataError
from fer_core.evaluate.calibration import fit_temperature
from fer_core.evaluate.evaluation import evaluate
from fer_core.predict import Predictor

_MAY_DIFFER = {"seed", "name", "summary", "licence", "intended_use", "limits"}

# Keys that recipes have got since the first checkpoint was trained, with what was done before: a card that lacks one of
# them is older than the key. A test holds this to the defaults of `training.recipe.Recipe`.
LATER: dict[str, Any] = {
    "svm": None,
    "labels": "given",
    "groups": [],
    "phases": [],
    "sampling": "shuffle",
    "weights": "float32",
    "model": {"pretrained": "none", "checkpoint": ""},
    "target": {"teachers_see": "faces"},
    "loss": {
        "name": "cross-entropy",
        "focal_gamma": 2.0,
        "class_weights": "none",
        "effective_beta": 0.999,
        "prior_correction": 0.0,
    },
    "augment": {
        "noise": 0.0,
        "noise_copies": 0,
        "copy_noise": 0.05,
        "random_ops": 0,
        "random_magnitude": 9.0,
        "mixup": 0.0,
        "cutmix": 0.0,
        "mix_probability": 1.0,
    },
    "optimiser": {"nesterov": True, "schedule": "one-cycle", "plateau_patience": 2, "plateau_factor": 0.1},
    "stopping": {"patience": 0, "monitor": "val_loss", "min_delta": 0.0},
}


def measured_siblings(
    card: Card,
    others: Sequence[Checkpoint],
    validation: SampleTable,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Sibling, ...]:
    """The others as they go into the card, each measured on the samples that the card's checkpoint is measured on.

    Args:
        card: of the checkpoint whose siblings they are.
        others: in their order; none gives ().
        validation: samples with the labels that were learnt.
        progress: called with (faces done, faces in all) for each of them.

    Raises:
        DataError: one of another recipe or other training data, or not trained here, or two of one seed.
        CheckpointError: files are missing or changed.
    """
    of_seed = {} if card.trained is None else {card.trained.seed: card.name}
    seeds = [_seed_of_sibling(card, other.card) for other in others]
    for seed, other in zip(seeds, others, strict=True):
        if seed in of_seed:
            raise DataError(f"{other.card.name} has the seed {seed} of {of_seed[seed]}; a sibling needs another one.")
        of_seed[seed] = other.card.name
    fit = bool(card.temperature_fitted_on)
    found = (_measured(other, fit, validation, progress) for other in others)
    return tuple(Sibling(seed=seed, **figures) for seed, figures in zip(seeds, found, strict=True))


def spread(card: Card) -> tuple[float, float, int] | None:
    """Mean and sample standard deviation of top-1 over the seeds, and how many; None without siblings."""
    if not card.siblings:
        return None
    reached = [card.metrics["validation"]["accuracy"], *(sibling.accuracy for sibling in card.siblings)]
    return statistics.mean(reached), statistics.stdev(reached), len(reached)


def spread_text(card: Card) -> str:
    """For a line: what the seeds reached; empty without siblings."""
    found = spread(card)
    if not found:
        return ""
    return f"mean {percent(found[0])}, standard deviation {100 * found[1]:.2f} points over {found[2]} seeds"


def differing(mine: dict[str, Any], theirs: dict[str, Any]) -> list[str]:
    """Keys, with dots and sorted, in which two cards' recipes mean different runs; the seed and words are no such keys.

    A key that one lacks, since it was written before there was the key, has the value that stands for what was done
    then (`LATER`).
    """
    one, other = _flat(_whole(mine)), _flat(_whole(theirs))
    missing = object()
    keys = (one.keys() | other.keys()) - _MAY_DIFFER
    return sorted(key for key in keys if one.get(key, missing) != other.get(key, missing))


def _whole(recipe: dict[str, Any]) -> dict[str, Any]:
    filled = {
        key: value | recipe.get(key, {}) if isinstance(value, dict) else recipe.get(key, value)
        for key, value in LATER.items()
    }
    return recipe | filled


def _flat(recipe: dict[str, Any]) -> dict[str, Any]:
    """Parts as `part.key`; what is deeper stays a value."""
    parts = {f"{name}.{key}": v for name, part in recipe.items() if isinstance(part, dict) for key, v in part.items()}
    return parts | {name: value for name, value in recipe.items() if not isinstance(value, dict)}


def _seed_of_sibling(card: Card, other: Card) -> int:
    """The other's seed, once recipe and data are those of the card."""
    mine, theirs = card.trained, other.trained
    if mine is None or theirs is None:
        raise DataError(f"{(card if mine is None else other).name} was not trained here: it has no recipe to compare.")
    if keys := differing(mine.recipe, theirs.recipe):
        raise DataError(f"{other.name} is no sibling of {card.name}: their recipes differ in {', '.join(keys)}.")
    if mine.data_hash != theirs.data_hash:
        raise DataError(
            f"{other.name} is no sibling of {card.name}: their training data differ (hashes {theirs.data_hash[:12]} "
            f"and {mine.data_hash[:12]})."
        )
    return theirs.seed


def _measured(
    other: Checkpoint, fit: bool, validation: SampleTable, progress: Callable[[int, int], None] | None
) -> dict[str, Any]:
    found = evaluate(Predictor(other), validation, progress)
    temperature = fit_temperature(found.logits, found.labels).value if fit else 1.0
    scores = dataclasses.replace(found, temperature=temperature).scores()
    return {
        "weights_sha256": other.card.weights_sha256,
        "accuracy": scores.accuracy,
        "balanced_accuracy": scores.balanced_accuracy,
        "n": scores.n,
    }
