"""How much of a saliency map falls into each region, beside how much would fall there anyway."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fer_core.errors import DataError
from fer_core.explain.saliency import resize_map
from fer_core.regions.masks import sums

Part = Literal["positive", "absolute"]
PRIOR_SIGMA = 0.25  # of the Gaussian centre prior, as a fraction of the picture's side


def evidence(raw: NDArray[np.float32], size_px: int, part: Part = "positive") -> NDArray[np.float32]:
    """What counts of raw maps, brought to the masks' size.

    Args:
        raw: (N, h, w), as from `explain_batch`.
        size_px: side of the masks.
        part: `positive`, evidence for the class; `absolute`, evidence for and against it.

    Returns:
        (N, S, S), 0 or more. Negative values are cut before the map is enlarged, so that they do not take away from
        their neighbours.
    """
    kept = np.abs(raw) if part == "absolute" else np.maximum(raw, np.float32(0))
    if not len(kept):
        return np.empty((0, size_px, size_px), np.float32)
    return np.stack([resize_map(one, size_px, size_px) for one in kept])


def shares(maps: NDArray[np.float32], labels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(N, 8) part of each map (N, S, S) that falls into each of `REGIONS`; rows sum to 1.

    A row is NaN where the map is zero everywhere or not finite: no evidence is not evidence spread evenly.
    """
    total = maps.reshape(len(maps), maps.shape[1] * maps.shape[2]).sum(1, dtype=np.float64)
    good = np.isfinite(total) & (total > 0)
    parts = sums(np.where(good[:, None, None], maps, 0), labels)
    return np.asarray(np.divide(parts, total[:, None], out=np.full(parts.shape, np.nan), where=good[:, None]))


def gaussian_prior(size_px: int, sigma: float = PRIOR_SIGMA) -> NDArray[np.float32]:
    """(S, S) a Gaussian around the picture's centre that sums to 1: what a map that only knows "the middle" looks like.

    Args:
        size_px: side.
        sigma: standard deviation, as a fraction of the side.

    Raises:
        DataError: sigma is not above zero.
    """
    if not sigma > 0:
        raise DataError(f"The centre prior's sigma must be above 0 (of the picture's side), not {sigma}.")
    steps = ((np.arange(size_px) + 0.5) / size_px - 0.5) / sigma
    line = np.exp(-0.5 * steps**2)
    prior = np.outer(line, line)
    return np.asarray(prior / prior.sum(), np.float32)


def mean_prior(maps: NDArray[np.float32]) -> NDArray[np.float32]:
    """(S, S) the mean of maps (N, S, S) that each sum to 1: for example those of networks with random weights.

    Maps that are zero everywhere are left out.

    Raises:
        DataError: no map has any weight.
    """
    total = maps.sum((1, 2), dtype=np.float64)
    kept = maps[total > 0] / total[total > 0][:, None, None]
    if not len(kept):
        raise DataError("A prior cannot be made of maps that are all zero; take the Gaussian one.")
    return np.asarray(kept.mean(0), np.float32)


@dataclass(frozen=True, eq=False, kw_only=True)
class Explained:
    """N faces that something was measured on, and what the model said of them.

    Attributes:
        labels: (N,) true class; -1 where unknown.
        predicted: (N,) class of the largest logit, of the face as shown, without its mirror image.
        sample_ids: N.
        sources: N names of where the regions are from.
        classes: K names in order.
        model: name of the checkpoint.
        explained: whose logit: that of the `predicted` class or of the `label`.
    """

    labels: NDArray[np.int64]
    predicted: NDArray[np.int64]
    sample_ids: tuple[str, ...]
    sources: tuple[str, ...]
    classes: tuple[str, ...]
    model: str
    explained: str

    def __len__(self) -> int:
        return len(self.labels)

    def source_shares(self) -> dict[str, float]:
        """Share of faces by source of their regions; empty without faces."""
        return {name: self.sources.count(name) / len(self.sources) for name in dict.fromkeys(self.sources)}


@dataclass(frozen=True, eq=False, kw_only=True)
class Attribution(Explained):
    """Where the maps of N faces lie.

    Attributes:
        share: (N, 8) of each map in each of `REGIONS`; NaN rows where a map is zero.
        area: (N, 8) share of the picture's pixels.
        prior: (N, 8) share of the centre prior.
        method: name of the saliency method.
        layer: where the maps were made.
        map_hw: rows and columns of the raw maps.
        size_px: side of the network's input, on which regions are drawn.
        boxes: (N, 8, 3) of each region's largest connected piece: area, height and width in pixels; 0 where absent.
        mean_maps: (K, S, S) of the faces of each class, each map counting alike; they sum to 1, NaN without faces.
        mean_faces: (K, S, S) grey, 0..255; NaN without faces.
    """

    share: NDArray[np.float64]
    area: NDArray[np.float64]
    prior: NDArray[np.float64]
    method: str
    layer: str
    map_hw: tuple[int, int]
    size_px: int
    boxes: NDArray[np.float64]
    mean_maps: NDArray[np.float32]
    mean_faces: NDArray[np.float32]

    @property
    def density(self) -> NDArray[np.float64]:
        """(N, 8) share over area: 1 is what an even map has there; NaN where a face has no such region."""
        return _over(self.share, self.area)

    @property
    def prior_density(self) -> NDArray[np.float64]:
        """(N, 8) share over the centre prior's share: 1 is what a map of the middle has there."""
        return _over(self.share, self.prior)

    @property
    def without_evidence(self) -> int:
        """Number of faces whose map is zero everywhere."""
        return int(np.isnan(self.share[:, 0]).sum())


def _over(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0))


@dataclass(frozen=True)
class Group:
    """Some of the faces, by what they are and what the model said.

    Attributes:
        label: true class; None: all classes.
        outcome: `all`, `right`, `wrong`, or `confused`, which is wrong in one way.
        predicted: for `confused` the class answered instead, otherwise None.
        rows: their places.
    """

    label: str | None
    outcome: Literal["all", "right", "wrong", "confused"]
    predicted: str | None
    rows: NDArray[np.int64]

    @property
    def title(self) -> str:
        """`all`, `fear`, `fear, wrong`, `fear taken for sad`."""
        if self.outcome == "confused":
            return f"{self.label} taken for {self.predicted}"
        name = self.label or "all"
        return name if self.outcome == "all" else f"{name}, {self.outcome}"

    def told(self) -> dict[str, Any]:
        """What a row of a table says of its group."""
        return {"group": self.title, "label": self.label, "outcome": self.outcome, "predicted": self.predicted}


def groups_of(labels: NDArray[np.int64], predicted: NDArray[np.int64], classes: Sequence[str]) -> list[Group]:
    """All faces; then for every class all of its faces, the right ones, the wrong ones, and each confusion there is.

    Classes without faces keep their first three groups, empty; confusions are those that occur, most frequent first.
    Faces without a label are in the first group alone.
    """
    found = [Group(None, "all", None, np.arange(len(labels)))]
    for k, name in enumerate(classes):
        own, right = labels == k, predicted == k
        found += [
            Group(name, "all", None, np.flatnonzero(own)),
            Group(name, "right", None, np.flatnonzero(own & right)),
            Group(name, "wrong", None, np.flatnonzero(own & ~right)),
        ]
        counts = np.bincount(predicted[own & ~right], minlength=len(classes))
        found += [
            Group(name, "confused", classes[other], np.flatnonzero(own & (predicted == other)))
            for other in np.argsort(-counts, kind="stable")
            if counts[other]
        ]
    return found
