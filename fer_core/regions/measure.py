"""Maps and regions of a whole data set, a batch at a time: memory does not grow with the number of pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fer_core.data.table import SampleTable
from fer_core.errors import DataError
from fer_core.explain.batch import Maps
from fer_core.explain.explainer import Explainer
from fer_core.explain.methods import Settings
from fer_core.labels import ClassSet
from fer_core.regions.attribution import Attribution, Part, evidence, gaussian_prior, shares
from fer_core.regions.masks import REGIONS, RegionMasks
from fer_core.regions.means import ClassMeans
from fer_core.regions.resolution import layer_for, piece_sizes
from fer_core.regions.sources import MeanFace, PointSource, find_regions, named_sources, usual_sources

Progress = Callable[[int, int], None]
_AT_ONCE = 64
_FEWEST = 10  # faces that a mean face is made of


@dataclass(frozen=True)
class Asked:
    """Which maps are made.

    Attributes:
        method: name of a saliency method.
        layer: dotted path; None: the last one with a map.
        options: the method's own.
        explained: the class `predicted` for each face, or its `label`.
        part: what of a map counts; see `evidence`.
        seed: of whatever is drawn at random.
    """

    method: str = "gradcam"
    layer: str | None = None
    options: Settings | None = None
    explained: Literal["predicted", "label"] = "predicted"
    part: Part = "positive"
    seed: int = 0


GRAD_CAM = Asked()


@dataclass(frozen=True, eq=False)
class Batch:
    """Some rows of a sample table, ready for a network.

    Attributes:
        rows: where they stand in the table.
        sample_ids: their ids.
        faces: their pictures.
        labels: (n,) true class in the model's order; -1 where a sample has none.
        masks: their regions at the size of the network's input.
    """

    rows: range
    sample_ids: tuple[str, ...]
    faces: tuple[NDArray[np.uint8], ...]
    labels: NDArray[np.int64]
    masks: RegionMasks


def batches(
    samples: SampleTable, explainer: Explainer, sources: Sequence[PointSource] | None = None, at_once: int = _AT_ONCE
) -> Iterator[Batch]:
    """The samples in order, a batch at a time, with the regions of their faces.

    Args:
        samples: face crops.
        explainer: tells the classes and the input's size.
        sources: of the faces' points; None: `usual_sources`.
        at_once: samples of a batch.

    Raises:
        DataError: a label that the model does not know, or no source has points for a face.
        ImageError: a picture cannot be read.
    """
    labels = model_labels(samples, explainer.classes)
    sources = usual_sources() if sources is None else sources
    ids = samples.table["sample_id"].to_pylist()
    for start in range(0, len(samples), at_once):
        rows = range(start, min(start + at_once, len(samples)))
        faces = [samples.decode(row) for row in rows]
        own = ids[rows.start : rows.stop]
        masks = find_regions(faces, explainer.card.preprocess.size_px, sources, own)
        yield Batch(rows, tuple(own), tuple(faces), labels[rows.start : rows.stop], masks)


def sources_for(samples: SampleTable, points: str = "network", faces: int = 256) -> tuple[PointSource, ...]:
    """`named_sources`, with the mean face of this very data set where ten of some of its faces were found.

    Args:
        samples: face crops.
        points: name of the source.
        faces: how many are looked at, evenly spread over the table.

    Raises:
        DataError, UnavailableError: as `named_sources`.
        ImageError: a picture cannot be read.
    """
    usual = named_sources(points)
    if len(usual) == 1 or not len(samples):
        return usual
    rows = np.unique(np.linspace(0, len(samples) - 1, min(faces, len(samples))).round().astype(int))
    found = usual[0].find([samples.decode(int(row)) for row in rows], [""] * len(rows))
    known = [points for points in found if points is not None]
    return (*usual[:-1], MeanFace.fitted(known)) if len(known) >= _FEWEST else usual


def model_labels(samples: SampleTable, classes: ClassSet) -> NDArray[np.int64]:
    """(N,) each sample's label as a place in the model's classes, by name; -1 without a label.

    Raises:
        DataError: a label that the model does not know.
    """
    names = samples.table["label"].to_pylist()
    unknown = sorted({n for n in names if n is not None and n not in classes.names})
    if unknown:
        raise DataError(
            f"The data has the label(s) {', '.join(unknown)}, which the model does not know; its classes are "
            f"{', '.join(classes.names)}."
        )
    return np.array([-1 if n is None else classes.names.index(n) for n in names], np.int64)


class Answered:
    """Collects, a batch at a time, what every measure tells of its faces; see `Explained`."""

    def __init__(self, explainer: Explainer, asked: Asked) -> None:
        self._explainer, self._asked = explainer, asked
        self._labels, self._predicted = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        self._ids: list[str] = []
        self._sources: list[str] = []

    def add(self, batch: Batch, logits: NDArray[np.float32], sources: Sequence[str]) -> None:
        """A batch, the model's logits (n, K) and where the points of its faces are from."""
        self._labels.append(batch.labels)
        self._predicted.append(logits.argmax(1).astype(np.int64))
        self._ids += batch.sample_ids
        self._sources += sources

    def told(self) -> dict[str, Any]:
        """The fields of `Explained`."""
        return {
            "labels": np.concatenate(self._labels),
            "predicted": np.concatenate(self._predicted),
            "sample_ids": tuple(self._ids),
            "sources": tuple(self._sources),
            "classes": self._explainer.classes.names,
            "model": self._explainer.card.name,
            "explained": self._asked.explained,
        }


def attribute(
    explainer: Explainer,
    samples: SampleTable,
    asked: Asked = GRAD_CAM,
    *,
    sources: Sequence[PointSource] | None = None,
    prior: NDArray[np.float32] | None = None,
    progress: Progress | None = None,
) -> Attribution:
    """Where the maps of every sample lie.

    Args:
        explainer: the model.
        samples: N face crops. May be empty.
        asked: which maps.
        sources: of the faces' points, best first; None: `usual_sources`.
        prior: (S, S) at the size of the network's input, sums to 1; None: `gaussian_prior`.
        progress: called with (faces done, faces in all) after each batch.

    Raises:
        DataError: as `batches`; labels are to be explained and a sample has none; or a prior of another size.
        FERScopeError: as `Explainer.explain`.
    """
    how = explainer.card.preprocess
    prior = _checked(prior, how.size_px)
    empty = _maps(explainer, [], None, asked)
    answered, means = Answered(explainer, asked), ClassMeans(len(explainer.classes), how.size_px)
    parts = [_NOTHING]
    for batch in batches(samples, explainer, sources):
        maps = _maps(explainer, batch.faces, targets_of(batch, asked), asked)
        kept = evidence(maps.raw, how.size_px, asked.part)
        parts.append(_parts(kept, prior, batch.masks))
        means.add(kept, how.stack(batch.faces).float().mean(1).numpy(), batch.labels)
        answered.add(batch, maps.logits, batch.masks.sources)
        if progress:
            progress(batch.rows.stop, len(samples))
    share, area, priors, boxes = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Attribution(
        share=share, area=area, prior=priors, boxes=boxes, method=asked.method, layer=empty.layer,
        map_hw=(empty.raw.shape[1], empty.raw.shape[2]), size_px=how.size_px, mean_maps=means.maps(),
        mean_faces=means.faces(), **answered.told(),
    )  # fmt: skip


_Parts = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
_EIGHT = np.empty((0, len(REGIONS)))
_NOTHING: _Parts = (_EIGHT, _EIGHT, _EIGHT, np.empty((0, len(REGIONS), 3)))


def _parts(kept: NDArray[np.float32], prior: NDArray[np.float32], masks: RegionMasks) -> _Parts:
    """Shares of the maps, of the area and of the prior, and the sizes of the pieces, of one batch."""
    spread = shares(np.broadcast_to(prior, kept.shape).astype(np.float32), masks.labels)
    return shares(kept, masks.labels), masks.areas(), spread, piece_sizes(masks.labels)


def _maps(
    explainer: Explainer, faces: Sequence[NDArray[np.uint8]], targets: Sequence[int] | None, asked: Asked
) -> Maps:
    return explainer.explain_faces(faces, targets, method=asked.method, layer=asked.layer, options=asked.options)


def _checked(prior: NDArray[np.float32] | None, side: int) -> NDArray[np.float32]:
    if prior is None:
        return gaussian_prior(side)
    if prior.shape != (side, side):
        raise DataError(f"The prior has the shape {prior.shape}; it must be that of the input, ({side}, {side}).")
    return prior


def fine_layer(
    explainer: Explainer, samples: SampleTable, sources: Sequence[PointSource] | None = None, faces: int = 256
) -> str:
    """The deepest layer whose maps can speak of every region, by the first faces of a table.

    Raises:
        DataError: no sample, or every layer is too coarse.
        ModelError: the network makes no maps.
    """
    side = explainer.card.preprocess.size_px
    few = [samples.decode(row) for row in range(min(faces, len(samples)))]
    ids = samples.table["sample_id"].to_pylist()[: len(few)]
    masks = find_regions(few, side, usual_sources() if sources is None else sources, ids)
    found = layer_for(explainer.layers(), piece_sizes(masks.labels), side)
    if found is None or not few:
        raise DataError(
            f"No layer of {explainer.card.name} has a map in which every region of {len(few):,} faces is as large as a "
            "cell; name a layer, or use occlusion or integrated gradients, which look at the input."
        )
    return found.name


def targets_of(batch: Batch, asked: Asked) -> list[int] | None:
    """What a batch's maps explain; None: the predicted class of each.

    Raises:
        DataError: labels are to be explained and a sample has none.
    """
    if asked.explained == "predicted":
        return None
    bare = np.flatnonzero(batch.labels < 0)
    if len(bare):
        name = batch.sample_ids[bare[0]]
        raise DataError(f"Sample {name} has no label that could be explained; explain the predicted class instead.")
    return [int(label) for label in batch.labels]
