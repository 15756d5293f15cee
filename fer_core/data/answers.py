"""What a checkpoint says of every sample of a data set, kept beside it: for filters, and for the map of the data set.

A sample is answered once, in whatever version it stands, since neither its label nor its split matters.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from fer_core.data.store import DataSet
from fer_core.data.table import SampleTable
from fer_core.errors import CheckpointError, DataError

if TYPE_CHECKING:
    from fer_core.predict import Predictor

ANSWERS = pa.schema(
    [
        pa.field("row", pa.int64(), nullable=False),
        pa.field("predicted", pa.string(), nullable=False),
        pa.field("confidence", pa.float32(), nullable=False),  # probability of the predicted class
        pa.field("probabilities", pa.list_(pa.float32()), nullable=False),  # in the order of `classes`
        pa.field("classes", pa.list_(pa.string()), nullable=False),
    ]
)
Projection = Literal["pca", "umap"]
_BATCH = 256  # pictures in memory at once, of whatever size
_HALF = np.finfo(np.float16)
_NEIGHBOURS = 15


def answers_file(data_set: DataSet, weights_sha256: str, temperature: float = 1.0) -> Path:
    """Where the answers of these weights at this temperature lie, or will; features and maps lie beside it."""
    tempered = "" if temperature == 1 else f"-at-{temperature:.4f}"
    return data_set.folder / "answers" / f"{_stem(weights_sha256)}{tempered}.parquet"


def _stem(weights_sha256: str) -> str:
    """A hash comes from a card, which anybody may have written."""
    return weights_sha256[:16] if re.fullmatch("[0-9a-f]{64}", weights_sha256) else "unknown"


def features_file(data_set: DataSet, weights_sha256: str) -> Path:
    """Features of all samples by row, float16 (N, D), as `fer_core.features.features`."""
    return answers_file(data_set, weights_sha256).with_suffix(".npy")


def map_file(data_set: DataSet, weights_sha256: str, projection: Projection) -> Path:
    """Place of all samples by row, float32 (N, 2)."""
    return features_file(data_set, weights_sha256).with_name(f"{_stem(weights_sha256)}-{projection}.npy")


def answer(data_set: DataSet, predictor: Predictor, progress: Callable[[int, int], None] | None = None) -> Path:
    """Classifies every sample that the data set ever had, and keeps answers and features.

    The samples are taken as they are kept: faces were cut out at import (`cropping`), and no detector runs here.

    Returns:
        The file of `answers_file`; `features_file` is written before it.

    Raises:
        CheckpointError: the checkpoint's card does not tell the hash of its weights.
        ImageError: a picture cannot be read (any more).
        ModelError: the network has no layer that gives logits.
    """
    from fer_core.features import features

    sha256 = predictor.card.weights_sha256
    if _stem(sha256) == "unknown":
        raise CheckpointError(
            f"The card of {predictor.card.name} has {sha256[:70]!r} for weights_sha256, by which answers are kept; "
            "enter the SHA-256 of its model.safetensors."
        )
    everything = SampleTable.from_saved(data_set.imported, data_set.folder)
    probabilities, seen = [], []
    for start in range(0, len(everything), _BATCH):
        batch = SampleTable(everything.table.slice(start, _BATCH), everything.classes, everything.vote_classes)
        faces = batch.faces()
        probabilities.append(predictor.probabilities(faces))
        seen.append(features(predictor, faces).clip(_HALF.min, _HALF.max).astype(np.float16))
        if progress is not None:
            progress(start + len(faces), len(everything))
    target = answers_file(data_set, sha256, predictor.card.temperature)
    target.parent.mkdir(exist_ok=True)
    _save(features_file(data_set, sha256), np.concatenate(seen))
    _write(target, np.concatenate(probabilities), predictor.classes.names)
    return target


def _write(target: Path, probabilities: NDArray[np.float64], classes: tuple[str, ...]) -> None:
    count = len(probabilities)
    columns = [
        np.arange(count),
        np.array(classes)[probabilities.argmax(1)],
        probabilities.max(1),
        list(probabilities.astype(np.float32)),
        [list(classes)] * count,
    ]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, ANSWERS, strict=True)]
    scratch = target.with_suffix(".scratch")
    pq.write_table(pa.table(arrays, schema=ANSWERS), scratch, compression="zstd")
    scratch.replace(target)


def _save(target: Path, array: NDArray[np.floating]) -> None:
    scratch = target.with_suffix(".scratch.npy")
    np.save(scratch, array)
    scratch.replace(target)


def load_features(data_set: DataSet, weights_sha256: str) -> NDArray[np.float32]:
    """(N, D) features of all samples by row.

    Raises:
        DataError: there are none yet, or their file is damaged.
    """
    file = features_file(data_set, weights_sha256)
    try:
        return np.asarray(np.load(file), dtype=np.float32)
    except FileNotFoundError as error:
        raise DataError("There are no features yet: let the checkpoint classify this data set first.") from error
    except (ValueError, EOFError) as error:
        raise DataError(f"{file} is damaged ({error}); let the checkpoint classify this data set again.") from error


def project(data_set: DataSet, weights_sha256: str, projection: Projection, seed: int = 0) -> Path:
    """Lays all samples out on a plane by their features.

    Args:
        data_set: one that `answer` has been through.
        weights_sha256: whose features.
        projection: `pca`, the two directions of most variance of the standardised features; or `umap` (McInnes et al.
            2018, arXiv 1802.03426) of their first fifty directions, 15 neighbours, where distances between clusters
            mean little; no more samples than neighbours are laid out as by `pca`.
        seed: of `umap`.

    Returns:
        The file of `map_file`.

    Raises:
        DataError: as `load_features`, or there are fewer than three samples.
    """
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler

    held = load_features(data_set, weights_sha256)
    if len(held) < 3:
        raise DataError(f"A map needs at least three samples; {data_set.name} has {len(held)}.")
    directions = min(50 if projection == "umap" else 2, *held.shape)
    places = PCA(directions, random_state=seed).fit_transform(StandardScaler().fit_transform(held))
    if projection == "umap" and len(held) > _NEIGHBOURS:
        import numba

        # Its other layers change the number of OpenMP's threads under torch, and with it torch's last digits.
        numba.config.THREADING_LAYER = "workqueue"
        from umap import UMAP

        places = UMAP(n_neighbors=_NEIGHBOURS, random_state=seed, n_jobs=1, low_memory=True).fit_transform(places)
    target = map_file(data_set, weights_sha256, projection)
    _save(target, places[:, :2].astype(np.float32))
    return target
