"""Which slices of the data fail: bins of what is known of the samples, and pairs of bins, tested against the rest.

After Chung et al. 2019, Slice Finder (arXiv 1807.06068), without its tree: every bin and every pair of bins is tested,
and the p-values are corrected for how many were.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import ArrayLike, NDArray

from fer_core.errors import DataError
from fer_core.evaluate.metrics import wilson_interval
from fer_core.evaluate.significance import benjamini_hochberg, holm

Correction = Literal["holm", "benjamini-hochberg"]
Codes = NDArray[np.int64]
_CORRECTIONS = {"holm": holm, "benjamini-hochberg": benjamini_hochberg}
_FEW = 5  # expected errors in a slice below which the test is exact
MINIMUM = 30  # samples of a slice, and of its rest
_MOST_VALUES = 1_000
_MOST_PARTS_OF_A_PAIR = 64  # persons are looked at one by one
Key = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Column:
    """One thing that is known of the samples, cut into parts.

    Attributes:
        name: of it.
        parts: what each part is, in words: `brightness 12.0 to 71.4`, `source a.csv`.
        codes: (N,) part of each sample, -1 where it is not known.
    """

    name: str
    parts: tuple[str, ...]
    codes: Codes


@dataclass(frozen=True)
class Slice:
    """A part of the samples, or what two parts have in common.

    Attributes:
        parts: one or two (column, part), in words.
        n: samples.
        wrong: how many of them the model has wrong.
        error: share of them.
        interval: Wilson's of the error.
        rest: error of all other samples.
        difference: error less rest, 0 where the slice fails as often.
        effect: Cohen's h, 2 asin sqrt error - 2 asin sqrt rest; 0.2 is small, 0.5 middling, 0.8 large.
        p: two-sided: chi-squared, or hypergeometric and exact where fewer than five are expected.
        p_corrected: for all slices that were tested.
        key: what `Slices.rows` takes.
    """

    parts: tuple[tuple[str, str], ...]
    n: int
    wrong: int
    error: float
    interval: tuple[float, float]
    rest: float
    difference: float
    effect: float
    p: float
    p_corrected: float
    key: Key

    @property
    def text(self) -> str:
        """Both parts in words."""
        return " and ".join(part for _, part in self.parts)


@dataclass(frozen=True)
class Slices:
    """What a search found.

    Attributes:
        found: slices that fail more often than the rest at the level, the largest difference first.
        tested: how many slices had enough samples.
        n: samples.
        error: of all samples; NaN where n is 0.
        level: what the corrected p stayed below.
        columns: what was searched.
    """

    found: tuple[Slice, ...]
    tested: int
    n: int
    error: float
    level: float
    columns: tuple[Column, ...]

    def rows(self, one: Slice) -> NDArray[np.int64]:
        """Rows of the samples of a slice."""
        inside = np.ones(self.n, dtype=bool)
        for column, part in one.key:
            inside &= self.columns[column].codes == part
        return np.flatnonzero(inside)


def cut(name: str, values: Any, bins: int = 4) -> Column:
    """Cuts what is known of the samples into parts.

    Args:
        name: of it.
        values: (N,) numbers (NaN or null: not known), cut at their quantiles; or texts (None: not known), one part each
            up to 1,000 different ones, of which the most frequent are kept.
        bins: of equally many samples; equal numbers stay together.
    """
    array = values if isinstance(values, (pa.Array, pa.ChunkedArray)) else pa.array(values, from_pandas=True)
    array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    if pa.types.is_dictionary(array.type):
        array = array.cast(array.type.value_type)
    if not (pa.types.is_integer(array.type) or pa.types.is_floating(array.type)):
        return _texts(name, array.cast(pa.string()))
    numbers = np.asarray(pc.fill_null(array.cast(pa.float64()), math.nan))
    return _numbers(name, numbers, bins)


def _numbers(name: str, numbers: NDArray[np.float64], bins: int) -> Column:
    there = np.isfinite(numbers)
    known = numbers if there.all() else numbers[there]
    if not len(known):
        return Column(name, (), np.full(len(numbers), -1))
    edges = np.unique(np.quantile(known, np.linspace(0, 1, bins + 1), method="inverted_cdf"))
    codes = np.where(there, 0, -1)
    for edge in edges[1:-1]:  # parts are closed above; few edges, for which this is faster than a search
        codes += numbers > edge
    parts = [f"{name} {low:.4g} to {high:.4g}" for low, high in itertools.pairwise(edges)]
    return Column(name, tuple(parts) or (f"{name} {edges[0]:.4g}",), codes)


def _texts(name: str, texts: pa.Array) -> Column:
    encoded = texts.dictionary_encode()
    codes = np.asarray(pc.fill_null(encoded.indices, -1), dtype=np.int64)
    values = encoded.dictionary.to_pylist()
    counts = np.bincount(codes[codes >= 0], minlength=len(values))
    kept = sorted(np.argsort(-counts, kind="stable")[:_MOST_VALUES], key=lambda i: values[i])
    new = np.full(len(values) + 1, -1)
    new[kept] = np.arange(len(kept))
    return Column(name, tuple(f"{name} {values[i]}" for i in kept), new[codes])


def find_slices(
    wrong: NDArray[np.bool_],
    columns: Mapping[str, Any],
    bins: int = 4,
    minimum: int = MINIMUM,
    level: float = 0.05,
    correction: Correction = "benjamini-hochberg",
) -> Slices:
    """Tests every part of every column, and every pair of parts of two columns, against all other samples.

    A pair is tested against the rest of each of its two parts, too, and has the largest of the three p-values: where
    one part explains its errors, that part alone is told.

    Args:
        wrong: (N,) whether the model has the sample wrong.
        columns: by name, as `cut` takes them.
        bins: parts of a number.
        minimum: samples that a slice has at least, and its rest, too.
        level: of the corrected p-values.
        correction: `holm` (no false alarm at all) or `benjamini-hochberg` (few among those that are told).

    Returns:
        A column in which nothing is known, or only one value, is left out.

    Raises:
        DataError: a column of another length, or an unknown correction.
    """
    if correction not in _CORRECTIONS:
        raise DataError(f"There is no correction {correction!r}, but {', '.join(_CORRECTIONS)}.")
    cuts = []
    for name, values in columns.items():
        if len(values) != len(wrong):
            raise DataError(f"The column {name} has {len(values):,} values for {len(wrong):,} samples.")
        column = cut(name, values, bins)
        if (np.bincount(column.codes + 1, minlength=1) > 0).sum() > 1:
            cuts.append(column)
    keys, counts = _counted(wrong, cuts)
    total, failed = len(wrong), int(wrong.sum())
    enough = (counts[:, 0] >= minimum) & (total - counts[:, 0] >= minimum)
    p = _against_parts(keys, counts, (total, failed))[enough]
    corrected = _CORRECTIONS[correction](p)
    places = np.flatnonzero(enough)
    n, k = counts[places].T
    found = [
        _slice(keys[places[i]], cuts, (int(n[i]), int(k[i])), (total, failed), (float(p[i]), float(corrected[i])))
        for i in np.flatnonzero((corrected < level) & (k * (total - n) > (failed - k) * n))
    ]
    found = [one for one in found if len(one.key) == 1 or _worse_than_parts(one, keys, counts)]
    found.sort(key=lambda one: (-one.difference, one.text))
    return Slices(tuple(found), len(places), total, failed / total if total else math.nan, level, tuple(cuts))


def _against_parts(keys: list[Key], counts: Codes, every: tuple[int, int]) -> NDArray[np.float64]:
    """P of each slice against all other samples; of a pair, against the rest of its parts as well."""
    n, k = counts.T
    p = _p_values(n, k, *every)
    place = {key[0]: i for i, key in enumerate(keys) if len(key) == 1}
    pairs = np.flatnonzero([len(key) == 2 for key in keys])
    for side in (0, 1):
        parts = np.array([place[keys[i][side]] for i in pairs], dtype=np.int64)
        p[pairs] = np.maximum(p[pairs], _p_values(n[pairs], k[pairs], n[parts], k[parts]))
    return p


def _worse_than_parts(one: Slice, keys: list[Key], counts: Codes) -> bool:
    own = [counts[keys.index((part,))] for part in one.key]
    return all(one.wrong * n > k * one.n for n, k in own)


def _counted(wrong: NDArray[np.bool_], cuts: list[Column]) -> tuple[list[Key], Codes]:
    """Keys of all slices, and (S, 2) their samples and errors."""
    keys: list[Key] = []
    counts = [np.zeros((0, 2), dtype=np.int64)]
    # 0 is for what is not known; small numbers, since a million of them are added up for every pair
    doubled = [(2 * (column.codes + 1)).astype(np.uint16) for column in cuts]
    errors = wrong.astype(np.uint16)
    for i, column in enumerate(cuts):
        many = len(column.parts)
        found = np.bincount(doubled[i] + errors, minlength=2 * (many + 1)).reshape(many + 1, 2)[1:]
        keys += [((i, part),) for part in range(many)]
        counts.append(np.stack([found.sum(1), found[:, 1]], axis=1))
    for i, j in itertools.combinations(range(len(cuts)), 2):
        rows, across = len(cuts[i].parts), len(cuts[j].parts)
        if max(rows, across) > _MOST_PARTS_OF_A_PAIR:
            continue
        codes = doubled[i] * np.uint16(across + 1) + doubled[j] + errors
        found = np.bincount(codes, minlength=2 * (rows + 1) * (across + 1)).reshape(rows + 1, across + 1, 2)[1:, 1:]
        keys += [((i, a), (j, b)) for a in range(rows) for b in range(across)]
        counts.append(np.stack([found.sum(2), found[..., 1]], axis=2).reshape(-1, 2))
    return keys, np.concatenate(counts)


def _p_values(n: Codes, k: Codes, total: ArrayLike, failed: ArrayLike) -> NDArray[np.float64]:
    """Two-sided p of k errors among n samples against the rest of `failed` among `total`; 1 where there is no rest."""
    from scipy.special import chdtrc

    total, failed = np.broadcast_to(total, n.shape), np.broadcast_to(failed, n.shape)
    share = failed / np.maximum(total, 1)
    tellable = (n < total) & (share > 0) & (share < 1)
    expected = n * share
    with np.errstate(divide="ignore", invalid="ignore"):
        squares = (k - expected) ** 2 * total / (n * (total - n)) / (share * (1 - share))
        p = np.where(tellable, chdtrc(1, squares), 1.0)
    few = np.minimum.reduce([expected, n - expected, (total - n) * share, (total - n) * (1 - share)]) < _FEW
    at = np.flatnonzero(few & tellable)
    if len(at):
        from scipy.stats import hypergeom  # takes long to import

        law = hypergeom(total[at], failed[at], n[at])
        p[at] = np.minimum(1.0, 2 * np.minimum(law.cdf(k[at]), law.sf(k[at] - 1)))
    return np.asarray(p)


def _slice(
    key: Key,
    cuts: list[Column],
    own: tuple[int, int],
    every: tuple[int, int],
    p: tuple[float, float],
) -> Slice:
    n, k = own
    error, rest = k / n, (every[1] - k) / (every[0] - n)
    effect = 2 * math.asin(math.sqrt(error)) - 2 * math.asin(math.sqrt(rest))
    parts = tuple((cuts[i].name, cuts[i].parts[part]) for i, part in key)
    return Slice(parts, n, k, error, wilson_interval(k, n), rest, error - rest, effect, *p, key)
