"""What the answer loses when a region is taken away: the only figures here of which "drives" may be said.

A map shows where evidence lies according to a method; here the picture itself is changed and the network asked again.
A changed picture is also a strange picture, so beside each region stands a control: the same shape, at a random place,
changed in the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from fer_core.data.table import SampleTable
from fer_core.errors import DataError
from fer_core.explain.empty import EMPTY
from fer_core.explain.explainer import Explainer
from fer_core.regions.attribution import Explained
from fer_core.regions.masks import REGIONS
from fer_core.regions.measure import Answered, Asked, Batch, batches, model_labels, targets_of
from fer_core.regions.points import FacePoints
from fer_core.regions.sources import KnownPlaces, PointSource, find_points, usual_sources

Progress = Callable[[int, int], None]
SWAP = "swap"
FILLS = (*EMPTY, SWAP)
_AT_ONCE = 64


@dataclass(frozen=True, eq=False, kw_only=True)
class Interventions(Explained):
    """What N faces lose with each region, by F fills.

    Attributes:
        fills: F of `FILLS`. `blur`: out of focus; `mean`: the face's own mean grey; `swap`: the same region of a face
            of another class, brought to the same place by the five points.
        drop: (F, 8, N) how far the explained logit falls, float32; NaN where a face has no such region or no partner.
        control: (F, 8, N) the same for the region's shape at a random place, wrapping at the picture's edges.
        right: (F, 8, N) 1 where the label is still the largest logit, else 0; NaN as above and without a label.
        control_right: (F, 8, N) the same for the control.
        right_before: (N,) of the unchanged face.
    """

    fills: tuple[str, ...]
    drop: NDArray[np.float32]
    control: NDArray[np.float32]
    right: NDArray[np.float32]
    control_right: NDArray[np.float32]
    right_before: NDArray[np.float32]


def intervene(
    explainer: Explainer,
    samples: SampleTable,
    asked: Asked,
    *,
    fills: Sequence[str] = FILLS,
    sources: Sequence[PointSource] | None = None,
    progress: Progress | None = None,
) -> Interventions:
    """Takes each region of each face away and asks again.

    Args:
        explainer: the model.
        samples: N face crops. May be empty.
        asked: whose logit is looked at (`explained`) and the `seed` of partners and controls.
        fills: some of `FILLS`.
        sources: of the faces' points, best first; None: `usual_sources`.
        progress: called with (faces done, faces in all) after each batch.

    Raises:
        DataError: an unknown fill; labels are to be explained and a sample has none; a label unknown to the model.
        ImageError: a picture cannot be read.
    """
    _check(fills)
    sources = usual_sources() if sources is None else sources
    partner_of = _Partners(explainer, samples, sources, asked.seed) if SWAP in fills else None
    answered, done = Answered(explainer, asked), [_nothing(len(fills))]
    for batch in batches(samples, explainer, partner_of.sources if partner_of else sources, _AT_ONCE):
        inputs = explainer.card.preprocess(batch.faces)
        changed = {
            fill: partner_of(batch, inputs) if fill == SWAP and partner_of else EMPTY[fill](inputs) for fill in fills
        }
        before = explainer.logits(inputs)
        targets = targets_of(batch, asked) or before.argmax(1).tolist()
        done.append(_batch(explainer, batch, inputs, changed, (before, targets), asked.seed))
        answered.add(batch, before, partner_of.names_of(batch.rows) if partner_of else batch.masks.sources)
        if progress:
            progress(batch.rows.stop, len(samples))
    drop, control, right, control_right = (np.concatenate(parts, 2) for parts in zip(*done, strict=True))
    told = answered.told()
    known = told["labels"]
    return Interventions(
        fills=tuple(fills), drop=drop, control=control, right=right, control_right=control_right,
        right_before=np.where(known < 0, np.nan, known == told["predicted"]).astype(np.float32), **told,
    )  # fmt: skip


def _check(fills: Sequence[str]) -> None:
    unknown = [fill for fill in fills if fill not in FILLS]
    if unknown:
        raise DataError(f"There is no fill {unknown[0]!r}; a region can be filled by {', '.join(FILLS)}.")


_Four = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]


def _nothing(fills: int, n: int = 0) -> _Four:
    empty = np.full((fills, len(REGIONS), n), np.nan, np.float32)
    return empty, empty.copy(), empty.copy(), empty.copy()


def _batch(
    explainer: Explainer,
    batch: Batch,
    inputs: torch.Tensor,
    changed: dict[str, torch.Tensor],
    unchanged: tuple[NDArray[np.float32], list[int]],
    seed: int,
) -> _Four:
    """Drops and rights of one batch; `unchanged` are the logits and the explained classes of the faces as they are."""
    before, targets = unchanged
    n = len(inputs)
    found = _nothing(len(changed), n)
    places = np.arange(n)
    score = before[places, targets]
    for r in range(len(REGIONS)):
        mask = batch.masks.labels == r
        there = mask.any((1, 2))
        for kind, area in enumerate((mask, elsewhere(mask, [(seed, row, r) for row in batch.rows]))):
            cut = torch.from_numpy(area)[:, None].to(inputs.device)
            for f, other in enumerate(changed.values()):
                after = explainer.logits(torch.where(cut, other, inputs))
                good = there & np.isfinite(after).all(1)
                labelled = good & (batch.labels >= 0)
                found[kind][f, r, good] = (score - after[places, targets])[good]
                found[2 + kind][f, r, labelled] = (after.argmax(1) == batch.labels)[labelled]
    return found


def elsewhere(masks: NDArray[np.bool_], seeds: Sequence[tuple[int, ...]]) -> NDArray[np.bool_]:
    """(N, S, S) each mask moved to a random place: shape and area stay.

    What leaves the picture at an edge comes in at the other.

    Args:
        masks: (N, S, S).
        seeds: N; the same seed moves a mask the same way.
    """
    side = masks.shape[-1]
    moves = [np.random.default_rng(seed).integers(0, side, 2) for seed in seeds]
    moved = [np.roll(mask, tuple(move.tolist()), (0, 1)) for mask, move in zip(masks, moves, strict=True)]
    return np.stack(moved) if moved else masks


class _Partners:
    """Gives each face another class's, brought to the same place.

    Points of all faces are found beforehand, since a partner may stand anywhere in the table; they are what grows with
    the number of faces, by some hundred bytes each.
    """

    def __init__(self, explainer: Explainer, samples: SampleTable, sources: Sequence[PointSource], seed: int) -> None:
        self._explainer, self._samples = explainer, samples
        ids = samples.table["sample_id"].to_pylist()
        self._points: list[tuple[FacePoints, str]] = []
        for rows in _slices(len(samples)):
            faces = [samples.decode(row) for row in rows]
            self._points += find_points(faces, sources, [ids[row] for row in rows])
        labels = model_labels(samples, explainer.classes)
        self._partner = partners(labels, seed)
        self.sources = (KnownPlaces({i: points for i, (points, _) in zip(ids, self._points, strict=True)}),)

    def names_of(self, rows: range) -> list[str]:
        """Where the points of these rows are from."""
        return [self._points[row][1] for row in rows]

    def __call__(self, batch: Batch, inputs: torch.Tensor) -> torch.Tensor:
        """(n, C, S, S) the partners' faces in place of the batch's; NaN where a face has no partner."""
        how = self._explainer.card.preprocess
        out = torch.full_like(inputs, torch.nan)
        for place, row in enumerate(batch.rows):
            other = int(self._partner[row])
            if other >= 0:
                face = how([self._samples.decode(other)])[0]
                out[place] = moved_onto(face, self._points[other][0], self._points[row][0])
        return out


def _slices(n: int) -> Iterator[range]:
    for start in range(0, n, _AT_ONCE):
        yield range(start, min(start + _AT_ONCE, n))


def partners(labels: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """(N,) for each row a random other row with another label; -1 for rows without a label or without such a row."""
    chance = np.random.default_rng((seed, 1))
    found = np.full(len(labels), -1)
    for label in np.unique(labels[labels >= 0]):
        others = np.flatnonzero((labels >= 0) & (labels != label))
        rows = np.flatnonzero(labels == label)
        if len(others):
            found[rows] = chance.choice(others, len(rows))
    return found


def moved_onto(face: torch.Tensor, own: FacePoints, wanted: FacePoints) -> torch.Tensor:
    """(C, S, S) a face moved so that its eyes' and mouth's middles come to lie where another's are.

    The map between the two frames is affine; pixels past the picture's edge repeat it.
    """
    side = face.shape[-1]
    corners = np.array(((0.0, 0.0), (1.0, 0.0), (0.0, 1.0)))
    # OpenCV's whole numbers are centres of pixels.
    before, after = own.frame.place(corners) * side - 0.5, wanted.frame.place(corners) * side - 0.5
    matrix = cv2.getAffineTransform(before.astype(np.float32), after.astype(np.float32))
    planes = [
        cv2.warpAffine(plane, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        for plane in face.float().numpy()
    ]
    return torch.from_numpy(np.stack(planes))
