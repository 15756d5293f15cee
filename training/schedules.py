"""The learning rate of each step, as numbers that depend on the step alone; and the plateau, which remembers."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

from training.recipe import OptimiserSpec, PhaseSpec, Recipe

_START, _END = 25.0, 1e4  # one-cycle begins at a 25th of its highest rate and ends at a ten-thousandth of that


def rate_at(spec: OptimiserSpec, peak: float, step: int, steps: int) -> float:
    """The rate of one step of a phase.

    `one-cycle`: half a cosine from peak/25 up to the peak in the share `warmup` of the steps, another down to
    peak/250,000 (Smith and Topin 2019, arXiv 1708.07120). `cosine`: linear from peak/n to the peak in the n steps of
    the warm-up, then half a cosine towards 0 (Loshchilov and Hutter 2017, arXiv 1608.03983; Goyal et al. 2017, arXiv
    1706.02677). `constant` and `plateau`: the peak.

    Args:
        spec: the schedule.
        peak: the highest rate.
        step: 0 to steps - 1.
        steps: of the phase.
    """
    if spec.schedule == "one-cycle":
        return _one_cycle(spec.warmup, peak, step, steps)
    if spec.schedule == "cosine":
        rise = int(spec.warmup * steps)
        if step < rise:
            return peak * (step + 1) / rise
        return peak * (1 + math.cos(math.pi * (step - rise) / (steps - rise))) / 2
    return peak


def _one_cycle(warmup: float, peak: float, step: int, steps: int) -> float:
    low = peak / _START
    top = (warmup if warmup * steps > 1 else 0.0) * steps - 1  # to rise within one step is a division by zero
    if step <= top:
        start, end, part = low, peak, step / top
    else:
        start, end, part = peak, low / _END, (step - top) / (steps - 1 - top)
    return end + (start - end) / 2.0 * (math.cos(math.pi * part) + 1)


def group_rates(recipe: Recipe, phase: PhaseSpec) -> dict[str, float]:
    """What the learning rate of each group is multiplied with in a phase."""
    return {group.name: phase.rates.get(group.name, group.rate) for group in recipe.groups}


@dataclass
class Plateau:
    """Lowers the rate when the validation loss stalls.

    After more than `patience` epochs in a row whose loss was not lower than the lowest one by at least 0.01 % of it the
    factor is multiplied with `by`; the count then begins anew. A loss that is NaN counts as not lower.

    Attributes:
        patience: epochs.
        by: factor, below 1.
        factor: what the rate is multiplied with now.
        lowest: the lowest loss so far.
        waited: epochs since.
    """

    patience: int
    by: float
    factor: float = 1.0
    lowest: float = math.inf
    waited: int = 0

    def see(self, loss: float) -> None:
        """Takes note of an epoch's validation loss."""
        if loss < self.lowest * (1 - 1e-4):
            self.lowest, self.waited = loss, 0
        else:
            self.waited += 1
        if self.waited > self.patience:
            self.factor, self.waited = self.factor * self.by, 0

    def state(self) -> dict[str, float]:
        """Everything, as numbers for a checkpoint."""
        return asdict(self)
