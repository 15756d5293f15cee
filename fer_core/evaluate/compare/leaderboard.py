"""Models on one data set and split as rows, each figure with its interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fer_core.evaluate.compare.aligned import aligned
from fer_core.evaluate.compare.bootstrap import DRAWS, Interval, bootstrap
from fer_core.evaluate.cost import Cost
from fer_core.evaluate.metrics import CONFIDENCE, Scores, wilson_interval
from fer_core.evaluate.predictions import Predictions

RARE = ("disgust", "fear")


@dataclass(frozen=True)
class Standing:
    """One model on the leaderboard; bounds are Wilson's for rates of samples, of the bootstrap for the rest.

    Attributes:
        model: its name.
        model_hash: sha256 of its weights.
        n: samples.
        accuracy: top-1.
        deduplicated: top-1 without the samples that have an exact twin in training; None where that is not known.
        n_deduplicated: how many those are.
        figures: balanced_accuracy, macro_f1, log_loss, ece.
        recalls: by class.
        cost: None where the checkpoint is not there any more.
        latency_ms: mean per face when it was evaluated, in batches.
    """

    model: str
    model_hash: str
    n: int
    accuracy: Interval
    deduplicated: Interval | None
    n_deduplicated: int | None
    figures: dict[str, Interval]
    recalls: dict[str, Interval]
    cost: Cost | None
    latency_ms: float | None

    def row(self) -> dict[str, Any]:
        """Cells by column, for a table or `export`; classes beside disgust and fear are left out."""
        rare = {f"recall {c}": self.recalls[c] for c in RARE if c in self.recalls}
        return {
            "model": self.model,
            "n": self.n,
            "top-1": self.accuracy,
            "top-1 without twins": self.deduplicated,
            "balanced accuracy": self.figures["balanced_accuracy"],
            "macro-F1": self.figures["macro_f1"],
            "log-loss": self.figures["log_loss"],
            "ECE": self.figures["ece"],
            **rare,
            "parameters": self.cost and self.cost.parameters,
            "multiply-adds": self.cost and self.cost.macs,
            "size (MB)": self.cost and self.cost.size_bytes / 1e6,
            "latency (ms)": self.latency_ms,
        }


def leaderboard(
    tables: Sequence[Predictions], costs: Mapping[str, Cost] | None = None, draws: int = DRAWS, seed: int = 0
) -> list[Standing]:
    """The models by accuracy, the best first.

    Args:
        tables: of the same samples; `aligned` is applied.
        costs: by model hash; a model that is not in it has none.
        draws: of the bootstrap.
        seed: of the draws.

    Raises:
        DataError: as `aligned`.
    """
    tables = aligned(tables)
    drawn = bootstrap(tables, draws, seed)
    found = []
    for i, table in enumerate(tables):
        scores = table.scores()
        apart = table.without_twins()
        recalls = {name: Interval(s.recall, *s.recall_interval) for name, s in scores.per_class.items()}
        without = None if apart is None else _rate(int(apart.right.sum()), len(apart))
        names = ("balanced_accuracy", "macro_f1", "log_loss", "ece")
        found.append(
            Standing(
                table.about.model, table.about.model_hash, len(table), _accuracy(scores), without,
                None if apart is None else len(apart), {name: drawn.interval(i, name) for name in names}, recalls,
                (costs or {}).get(table.about.model_hash), table.about.latency_ms,
            )
        )  # fmt: skip
    return sorted(found, key=lambda standing: -standing.accuracy.value if standing.n else 0.0)


def _accuracy(scores: Scores) -> Interval:
    return Interval(scores.accuracy, *scores.accuracy_interval)


def _rate(k: int, n: int) -> Interval:
    return Interval(k / n if n else float("nan"), *wilson_interval(k, n, CONFIDENCE))
