"""Temperature scaling: one number that makes a classifier as sure of itself as it is right.

Guo et al. 2017, On Calibration of Modern Neural Networks, arXiv 1706.04599. The order of the classes, and with it the
accuracy, stays as it is where there is one view; over two views (face and mirror image) a few faces may change sides.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fer_core.card import Card
from fer_core.errors import DataError
from fer_core.evaluate.metrics import expected_calibration_error, log_loss
from fer_core.softmax import temper

if TYPE_CHECKING:
    from fer_core.evaluate.evaluation import Evaluation

LOWEST, HIGHEST = 0.05, 20.0
_STEPS = 61  # of the search that finds the valley; the loss over two views may have more than one


@dataclass(frozen=True)
class Temperature:
    """A temperature, and the figures of the samples that it was measured on.

    Attributes:
        value: what logits are divided by; above 1 probabilities become more equal.
        log_loss_before: mean negative log-likelihood of the true class at temperature 1, nats.
        log_loss_after: the same at `value`.
        ece_before: expected calibration error of the top class at temperature 1, 15 bins, 0..1.
        ece_after: the same at `value`.
        n: samples.
    """

    value: float
    log_loss_before: float
    log_loss_after: float
    ece_before: float
    ece_after: float
    n: int

    def as_text(self) -> str:
        """One line for the terminal."""
        return (
            f"temperature {self.value:.3f}: log-loss {self.log_loss_before:.4f} -> {self.log_loss_after:.4f}, "
            f"ECE {self.ece_before:.4f} -> {self.ece_after:.4f} (n = {self.n:,})"
        )


def fit_temperature(logits: NDArray[np.floating], labels: NDArray[np.int64]) -> Temperature:
    """The temperature with the lowest log-loss of the mean over views of the tempered probabilities.

    The figures are those of the very samples that it was fitted on, which flatters; see `cross_fit_temperature`.

    Args:
        logits: (V, N, K), V views.
        labels: (N,) true class indices, 0..K-1.

    Returns:
        `value` lies between `LOWEST` and `HIGHEST`, to about 1e-4 of itself.

    Raises:
        DataError: no samples, samples of one class only, shapes or labels that do not fit, logits that are not finite,
            or no lowest loss within the bounds.
    """
    _check(logits, labels)
    return _measured(logits, labels, np.full(len(labels), _best(logits, labels)))


def cross_fit_temperature(logits: NDArray[np.floating], labels: NDArray[np.int64], seed: int = 0) -> Temperature:
    """What a fitted temperature does for samples that it was not fitted on.

    The samples are halved at random, class by class. Each half is measured at the temperature that was fitted on the
    other one.

    Args:
        logits: (V, N, K), V views.
        labels: (N,) true class indices, 0..K-1.
        seed: of the halving.

    Returns:
        Figures over all N samples; `value` is the geometric mean of the two temperatures.

    Raises:
        DataError: as `fit_temperature`, for either half.
    """
    _check(logits, labels)
    order = np.random.default_rng(seed).permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    temperatures = np.empty(len(labels))
    for fitted, measured in ((order[::2], order[1::2]), (order[1::2], order[::2])):
        _check(logits[:, fitted], labels[fitted])
        temperatures[measured] = _best(logits[:, fitted], labels[fitted])
    return _measured(logits, labels, temperatures)


def calibrated(card: Card, found: Evaluation, fitted: Temperature, fitted_on: str) -> Card:
    """The card with a temperature fitted on its validation split.

    Args:
        card: the card of the evaluated model.
        found: its evaluation on validation.
        fitted: the temperature.
        fitted_on: in words, with the number of samples.

    Returns:
        A card with the validation figures at the new temperature. Those of other splits are left out: they were
        measured at another one. So are exported files, which hold the old temperature.
    """
    figures = dataclasses.replace(found, temperature=fitted.value).as_json()
    changes = {
        "temperature": fitted.value,
        "temperature_fitted_on": fitted_on,
        "metrics": {"validation": figures},
        "exports": {},
    }
    return card.model_copy(update=changes)


def _check(logits: NDArray[np.floating], labels: NDArray[np.int64]) -> None:
    if logits.ndim != 3 or logits.shape[1] != len(labels):
        raise DataError(
            f"{len(labels)} labels need logits of the shape (views, {len(labels)}, classes), not {logits.shape}."
        )
    if not len(labels):
        raise DataError("A temperature cannot be fitted on no samples; give a split that has some.")
    if not 0 <= labels.min() <= labels.max() < logits.shape[2]:
        raise DataError(
            f"Labels lie in {labels.min()}..{labels.max()}, but the logits are of {logits.shape[2]} classes."
        )
    if labels.min() == labels.max():
        raise DataError(
            f"A temperature cannot be fitted on {len(labels)} sample(s) of one class; give samples of two or more."
        )
    if not np.isfinite(logits).all():
        raise DataError("Some logits are not finite; the model's weights are broken.")


def _best(logits: NDArray[np.floating], labels: NDArray[np.int64]) -> float:
    from scipy.optimize import minimize_scalar

    def loss(log_temperature: float) -> float:
        return log_loss(temper(logits, math.exp(log_temperature)), labels)

    grid = np.linspace(math.log(LOWEST), math.log(HIGHEST), _STEPS)
    lowest = int(np.argmin([loss(at) for at in grid]))
    if lowest in {0, _STEPS - 1}:
        why = "its answers are right too often" if lowest == 0 else "its answers are hardly better than chance"
        raise DataError(
            f"The log-loss on these {len(labels)} samples has no minimum between the temperatures {LOWEST:g} and "
            f"{HIGHEST:g}: {why}. Fit it on more samples that the model was not trained on."
        )
    within = (grid[lowest - 1], grid[lowest + 1])
    return math.exp(minimize_scalar(loss, bounds=within, method="bounded", options={"xatol": 1e-5}).x)


def _measured(
    logits: NDArray[np.floating], labels: NDArray[np.int64], temperatures: NDArray[np.float64]
) -> Temperature:
    """Figures with a temperature for each sample."""
    before, after = temper(logits), temper(logits / temperatures[:, None])
    return Temperature(
        value=float(np.exp(np.log(temperatures).mean())),
        log_loss_before=log_loss(before, labels),
        log_loss_after=log_loss(after, labels),
        ece_before=expected_calibration_error(before, labels),
        ece_after=expected_calibration_error(after, labels),
        n=len(labels),
    )
