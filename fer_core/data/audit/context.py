"""The samples under audit and what several checks need of them, each computed once and only if asked for."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from fer_core.data.audit.base import REGISTRY, UNLABELLED, Finding, NotApplicable, Remedy, RemedyKind, Stopped
from fer_core.data.audit.faceless import coarse, faceless_scores, flat_share, turned, unlikeness
from fer_core.data.audit.folds import out_of_fold_probabilities, plentiful
from fer_core.data.audit.groups import Rows, codes_of, joined, linked
from fer_core.data.audit.limits import BLURRED, LOW_CONTRAST
from fer_core.data.audit.near import Pairs, correlations, hash_bits, near_pairs
from fer_core.data.looks import SIDE_PX, looks, perceptual_hashes
from fer_core.data.pictures import Picture, to_grey
from fer_core.data.table import SampleTable
from fer_core.errors import DataError
from fer_core.labels import ClassSet
from fer_core.preprocess import resized

NEAR_BITS = 12
NEAR_COARSE = 0.85
NEAR_CORRELATION = 0.97
NOT_A_FACE = "nf"
_BATCH = 512


@dataclasses.dataclass
class AuditContext:
    """What the checks of one audit share.

    Attributes:
        samples: the table.
        probabilities: (N, K) of the classes in the order of `samples.classes`, from a model that has not seen the row
            in question: out of fold or held out. None: made from `features` where these are given.
        features: (N, D) of a network, see `fer_core.features`; None where there is none.
        progress: called with (done, total) in hundredths of a check.
        stop: asked now and then; True ends the audit.

    Raises:
        DataError: probabilities or features of another shape, or not finite.
    """

    samples: SampleTable
    probabilities: NDArray[np.floating] | None = None
    features: NDArray[np.floating] | None = None
    progress: Callable[[int, int], None] | None = None
    stop: Callable[[], bool] | None = None
    place: tuple[int, int] = (0, 1)  # how many checks are done, and how many there are
    furthest: int = 0

    def __post_init__(self) -> None:
        n, k = len(self.samples), len(self.samples.classes)
        if self.probabilities is not None and self.probabilities.shape != (n, k):
            raise DataError(
                f"{n} samples of {k} classes need probabilities of the shape ({n}, {k}), "
                f"not {self.probabilities.shape}."
            )
        if self.features is not None and (self.features.ndim != 2 or len(self.features) != n):
            raise DataError(f"{n} samples need features of the shape ({n}, D), not {self.features.shape}.")
        for name, values in (("probabilities", self.probabilities), ("features", self.features)):
            if values is not None and not np.isfinite(values).all():
                raise DataError(f"The {name} hold values that are not finite; the model's weights are broken.")

    def __len__(self) -> int:
        return len(self.samples)

    def advance(self, share: float) -> None:
        """Tells how far the present check is, 0 to 1.

        Raises:
            Stopped: the user asked to.
        """
        if self.stop is not None and self.stop():
            raise Stopped("The audit was stopped before its end.")
        if self.progress is not None:
            done, total = self.place
            self.furthest = max(self.furthest, round(100 * (done + share)))  # a check may have several long steps
            self.progress(self.furthest, 100 * total)

    @cached_property
    def ids(self) -> NDArray[np.str_]:
        """(N,) sample ids."""
        return np.array(self.samples.table["sample_id"].to_pylist(), dtype=np.str_)

    @cached_property
    def splits(self) -> NDArray[np.str_]:
        """(N,) names of splits."""
        return np.array(self.samples.table["split"].to_pylist(), dtype=np.str_)

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """(N,) class indices, -1 without a label."""
        return self.samples.label_indices()

    @cached_property
    def twins(self) -> NDArray[np.int64]:
        """(N,) one number per different picture: equal numbers, equal pixels."""
        return codes_of(self.samples.table["sha256"].to_pylist())

    @cached_property
    def grey(self) -> Picture:
        """(N, 48, 48) grey pictures.

        Raises:
            ImageError: a picture cannot be read (any more).
        """
        out = np.empty((len(self), SIDE_PX, SIDE_PX), dtype=np.uint8)
        for start in range(0, len(self), _BATCH):
            part = dataclasses.replace(self.samples, table=self.samples.table.slice(start, _BATCH))
            out[start : start + len(part)] = [resized(to_grey(face), SIDE_PX) for face in part.faces()]
            self.advance(0.25 * start / len(self))
        return out

    def look(self, name: str) -> NDArray[Any]:
        """(N,) `phash`, `brightness`, `contrast` or `sharpness`; measured where the table lacks any of it."""
        column = self.samples.table[name]
        return np.asarray(column.to_numpy() if not column.null_count else self._measured[name])

    @cached_property
    def _measured(self) -> dict[str, list[Any]]:
        starts = range(0, len(self), _BATCH)
        found = [look for start in starts for look in looks(list(self.grey[start : start + _BATCH]))]
        return {n: [getattr(look, n) for look in found] for n in ("phash", "brightness", "contrast", "sharpness")}

    @cached_property
    def thumbnails(self) -> NDArray[np.float32]:
        """(N, 144) pictures at 12x12 with mean 0 and length 1."""
        return coarse(self.grey)

    @cached_property
    def faceless(self) -> NDArray[np.float64]:
        """(N,) 1 or more where the pixels alone say that there is no face; see `faceless_scores`."""
        contrast = self.look("contrast")
        crisp = (contrast >= LOW_CONTRAST) & (self.relative_sharpness >= BLURRED) & ~self.enlarged
        flat = np.where(crisp, flat_share(self.grey), 0)
        return faceless_scores(flat, contrast, unlikeness(self.thumbnails))

    @cached_property
    def relative_sharpness(self) -> NDArray[np.float64]:
        """(N,) variance of the Laplacian over that of grey, which does not depend on contrast."""
        variance = np.maximum(self.look("contrast").astype(np.float64), 1) ** 2
        return np.asarray(self.look("sharpness") / variance)

    @cached_property
    def enlarged(self) -> NDArray[np.bool_]:
        """(N,) whether a picture had to be enlarged to be looked at, so that it is soft for that reason alone."""
        table = self.samples.table
        return np.asarray(np.minimum(table["width"].to_numpy(), table["height"].to_numpy()) < SIDE_PX)

    @cached_property
    def no_face(self) -> NDArray[np.bool_]:
        """(N,) whether there is no face: by more than half of the annotators' votes; without votes, by pixels."""
        by_pixels = self.faceless >= 1
        if NOT_A_FACE not in self.samples.vote_classes:
            return by_pixels
        total = self.votes.sum(1)
        nf = self.votes[:, self.samples.vote_classes.index(NOT_A_FACE)]
        return np.where(total > 0, nf > total / 2, by_pixels)

    @cached_property
    def near_links(self) -> tuple[Pairs, NDArray[np.bool_]]:
        """Pairs (P, 2) of rows whose pictures are nearly, but not exactly, equal; (P,) whether only in the mirror.

        What shows no face is left out: one text or blank picture is like any other. Of exact twins the first stands
        for all.
        """
        first = np.unique(self.twins, return_index=True)[1]
        rows = np.sort(first[self.faceless[first] < 1])
        grey = self.grey[rows]
        mirror = grey[:, :, ::-1]
        mirrored = [h for s in range(0, len(rows), _BATCH) for h in perceptual_hashes(mirror[s : s + _BATCH])]
        straight = hash_bits(self.look("phash")[rows].tolist())
        ways = ((straight, self.thumbnails[rows]), (hash_bits(mirrored), turned(self.thumbnails[rows])))
        found, flips = [np.zeros((0, 2), dtype=np.int64)], [np.zeros(0, dtype=bool)]
        for flip, (against, thumbnails) in enumerate(ways):
            for share, pairs in near_pairs(straight, against, NEAR_BITS):
                similar = np.einsum("pi,pi->p", self.thumbnails[rows[pairs[:, 0]]], thumbnails[pairs[:, 1]])
                likely = pairs[similar >= NEAR_COARSE]
                alike = likely[correlations(grey, likely, bool(flip)) >= NEAR_CORRELATION]
                found.append(rows[alike])
                flips.append(np.full(len(alike), bool(flip)))
                self.advance((flip + share) / 2)
        return np.concatenate(found), np.concatenate(flips)

    @cached_property
    def near(self) -> NDArray[np.int64]:
        """(N,) one number per group of pictures that are linked by equality or near equality."""
        chains = [np.stack([_first_of(self.twins), np.arange(len(self))], axis=1), self.near_links[0]]
        return linked(len(self), np.concatenate(chains))

    @cached_property
    def families(self) -> NDArray[np.int64]:
        """(N,) one number per group that must not be torn: exact twins, subjects, augmented copies."""
        codes = [self.twins, codes_of(self.samples.table["subject_id"].to_pylist()), self.parents]
        pairs = [np.stack([_first_of(c), np.arange(len(self))], axis=1) for c in codes]
        return linked(len(self), np.concatenate(pairs))

    @cached_property
    def parents(self) -> NDArray[np.int64]:
        """(N,) one number per photograph and its augmented copies."""
        table = self.samples.table
        return codes_of(pc.coalesce(table["parent_id"], table["sample_id"]).to_pylist())

    @property
    def can_doubt(self) -> bool:
        """Whether `without` gives better probabilities than `out_of_fold`, at a cost that nobody notices."""
        return self.probabilities is None and self.features is not None and plentiful(self.features)

    def without(self, doubted: Rows) -> NDArray[np.floating]:
        """As `out_of_fold`, from classifiers that were not taught these rows; needs features."""
        mask = np.zeros(len(self), dtype=bool)
        mask[doubted] = True
        return self._from_features(mask)

    @cached_property
    def out_of_fold(self) -> NDArray[np.floating]:
        """(N, K) probabilities: those given, else from the features; rows without a label are NaN in the latter.

        Raises:
            NotApplicable: neither was given, or there are too few samples.
        """
        if self.probabilities is not None:
            return self.probabilities
        return self._from_features(np.zeros(len(self), dtype=bool))

    def _from_features(self, doubted: NDArray[np.bool_]) -> NDArray[np.floating]:
        if self.features is None:
            raise NotApplicable("It needs out-of-fold probabilities, or a model's features to make them from.")
        out = np.full((len(self), len(self.samples.classes)), np.nan)
        rows = np.flatnonzero(self.labels >= 0)
        try:
            found = out_of_fold_probabilities(
                self.features[rows], self.labels[rows], self.families[rows], doubted=doubted[rows], advance=self.advance
            )
        except DataError as error:
            raise NotApplicable(str(error)) from error
        out[rows] = 0
        out[rows, : found.shape[1]] = found
        return out

    @cached_property
    def votes(self) -> NDArray[np.float32]:
        """(N, C) numbers of votes in the order of `samples.vote_classes`; zero without votes. C may be 0."""
        names = self.samples.vote_classes
        padded = ClassSet("votes", (*names, "nobody", "nothing"))  # a class set has two names at least
        return self.samples.vote_matrix(padded)[:, : len(names)]

    def by_class(self, rows: Rows) -> dict[str, int]:
        """Numbers of rows by class, see `Finding.by_class`."""
        counts = np.bincount(self.labels[rows] + 1, minlength=len(self.samples.classes) + 1).tolist()
        named = zip((*self.samples.classes.names, UNLABELLED), (*counts[1:], counts[0]), strict=True)
        return {name: count for name, count in named if count}

    def finding(
        self,
        check: str,
        what: str,
        rows: Rows,
        remedy: Remedy,
        scores: NDArray[np.floating] | None = None,
        figures: Mapping[str, Any] | None = None,
    ) -> Finding:
        """A finding about rows that stand alone, in descending order of their `scores` where there are any."""
        if scores is not None:
            order = np.argsort(-scores, kind="stable")
            rows, scores = rows[order], scores[order]
        return Finding(
            check=check,
            title=REGISTRY[check].summary,
            what=what,
            severity=REGISTRY[check].severity if len(rows) else "none",
            sample_ids=tuple(self.ids[rows].tolist()),
            groups=(),
            by_class=self.by_class(rows),
            scores=() if scores is None else tuple(scores.astype(float).tolist()),
            figures=dict(figures or {}),
            remedy=remedy,
            count=len(rows),
        )

    def grouped(
        self, check: str, what: str, groups: Sequence[Rows], remedy: Remedy, figures: Mapping[str, Any] | None = None
    ) -> Finding:
        """A finding about groups of rows."""
        named = tuple(tuple(self.ids[group].tolist()) for group in groups)
        return dataclasses.replace(self.finding(check, what, joined(groups), remedy, None, figures), groups=named)

    def remedy(self, kind: RemedyKind, rows: Rows, sentence: str, labels: Mapping[str, str] | None = None) -> Remedy:
        """A remedy for rows; `keep` where there are none."""
        return Remedy(kind if len(rows) else "keep", tuple(self.ids[rows].tolist()), sentence, labels or {})


def _first_of(codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """(N,) the first row that has each row's code; the row itself where the code is -1."""
    rows = np.arange(len(codes))
    unique, first, back = np.unique(codes, return_index=True, return_inverse=True)
    return np.where(codes < 0, rows, first[back]) if len(unique) else rows
