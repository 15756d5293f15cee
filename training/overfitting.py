"""When a run begins to over-fit, told from its curves of loss."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, median

Curve = Sequence[tuple[float, float]]

LAST = 3  # epochs that all have to agree
TIMES = 5.0  # standard deviations of the noise
_LEAST = 8  # epochs, below which there is no telling noise from course


@dataclass(frozen=True)
class Overfitting:
    """A run that over-fits.

    Attributes:
        epoch: the one with the lowest validation loss; it has only risen since.
        lowest: the validation loss there, as it is in the curve.
        rise: by how much each of the last `LAST` epochs is above it, at least.
        noise: standard deviation of the validation loss from epoch to epoch.
    """

    epoch: int
    lowest: float
    rise: float
    noise: float

    def as_text(self) -> str:
        """One sentence with the figures it rests on."""
        return (
            f"Over-fitting since epoch {self.epoch}: validation loss was lowest there ({self.lowest:.3f}) and has "
            f"risen by {self.rise:.3f} or more, which is more than {TIMES:.0f} times its noise ({self.noise:.3f}), "
            "while training loss fell on."
        )


def overfitting(validation: Curve, training: Curve) -> Overfitting | None:
    """Where a run over-fits by now; None where it does not, or where it cannot be told yet.

    It does if the validation loss of each of the last `LAST` epochs is above the lowest one by more than `TIMES` times
    its noise, and the mean training loss of these epochs is below that of the epoch with the lowest one. It is not told
    before the eighth epoch. Losses that are no finite number are left out. Asked after each of a hundred epochs whose
    validation loss is noise without a trend, it is wrong in one run of twenty.

    Args:
        validation: (epoch, loss) by epoch.
        training: likewise.
    """
    points = [(epoch, loss) for epoch, loss in validation if math.isfinite(loss)]
    if len(points) < _LEAST:
        return None
    lowest_at = min(range(len(points)), key=lambda i: points[i][1])
    if lowest_at >= len(points) - LAST:
        return None
    epoch, lowest = points[lowest_at]
    last = points[-LAST:]
    rise, noise = min(loss for _, loss in last) - lowest, noise_of([loss for _, loss in points])
    fell = _fell(training, epoch, [e for e, _ in last])
    return Overfitting(int(epoch), lowest, rise, noise) if rise > TIMES * noise and fell else None


def _fell(training: Curve, since: float, last: Sequence[float]) -> bool:
    by_epoch = {epoch: loss for epoch, loss in training if math.isfinite(loss)}
    now = [by_epoch[epoch] for epoch in last if epoch in by_epoch]
    return since in by_epoch and bool(now) and mean(now) < by_epoch[since]


def noise_of(values: Sequence[float]) -> float:
    """Standard deviation of the noise of a curve whose course is smooth; NaN of fewer than three values.

    Each value is compared with the mean of its neighbours, which a straight course leaves at 0 and independent noise of
    variance s^2 at 1.5 s^2 (Gasser, Sroka and Jennen-Steinmetz 1986, Biometrika 73, 625-633); of these differences the
    median absolute one counts, times 1.4826, so that a bend or a single jump does not.
    """
    apart = [abs(b - (a + c) / 2) for a, b, c in zip(values, values[1:], values[2:], strict=False)]
    return 1.4826 * median(apart) / math.sqrt(1.5) if apart else math.nan
