"""The search for slices that fail: finds what was planted, tells nothing of chance, agrees with SciPy."""

import math

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import chi2_contingency, fisher_exact

from fer_core.data import SampleTable
from fer_core.errors import DataError
from fer_core.evaluate.columns import columns_of
from fer_core.evaluate.predictions import Predictions
from fer_core.evaluate.slices import cut, find_slices
from tests.fer_core.evaluate.tables import table


def test_a_number_is_cut_at_its_quantiles() -> None:
    found = cut("brightness", np.array([1, 2, 3, 4, 5, 6, 7, 8, np.nan]), bins=4)
    assert found.codes.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, -1]
    assert found.parts[1] == "brightness 2 to 4"
    assert cut("side", np.full(5, 48)).codes.tolist() == [0] * 5
    assert cut("side", np.full(5, np.nan)).codes.tolist() == [-1] * 5


def test_a_text_has_a_part_for_each_value() -> None:
    found = cut("source", pa.array(["b", None, "a", "b"]))
    assert found.parts == ("source a", "source b")
    assert found.codes.tolist() == [1, -1, 0, 1]
    many = cut("subject_id", [f"s{i % 1500}" for i in range(3000)] + ["s7"] * 5)
    assert len(many.parts) == 1000
    assert (many.codes >= 0).sum() == 2005


def planted(n: int = 4000) -> tuple[np.ndarray, dict[str, object]]:
    chance = np.random.default_rng(0)
    brightness, sharpness = chance.uniform(0, 255, n), chance.uniform(0, 1, n)
    source = chance.choice(["web", "lab"], n)
    dark = brightness < np.quantile(brightness, 0.25)
    share = np.where(dark & (source == "web"), 0.7, 0.2)
    return chance.uniform(size=n) < share, {"brightness": brightness, "sharpness": sharpness, "source": source.tolist()}


def test_what_was_planted_is_found_first() -> None:
    wrong, columns = planted()
    found = find_slices(wrong, columns)
    best = found.found[0]
    assert {part[0] for part in best.parts} == {"brightness", "source"}
    assert best.text.endswith("source web")
    rows = found.rows(best)
    assert len(rows) == best.n
    assert best.wrong == int(wrong[rows].sum())
    inside = np.zeros(len(wrong), dtype=bool)
    inside[rows] = True
    assert best.rest == pytest.approx(float(wrong[~inside].mean()))
    assert best.effect == pytest.approx(2 * math.asin(best.error**0.5) - 2 * math.asin(best.rest**0.5))
    counts = [[best.wrong, best.n - best.wrong], [int(wrong[~inside].sum()), int((~wrong[~inside]).sum())]]
    every = [chi2_contingency(counts, correction=False).pvalue]
    for column, part in best.key:
        mates = (found.columns[column].codes == part) & ~inside
        counts = [[best.wrong, best.n - best.wrong], [int(wrong[mates].sum()), int((~wrong[mates]).sum())]]
        every.append(chi2_contingency(counts, correction=False).pvalue)
    assert best.p == pytest.approx(max(every), rel=1e-9)
    assert best.p_corrected >= best.p
    assert found.tested == 4 + 4 + 2 + 16 + 8 + 8
    assert not any("sharpness" in one.text for one in found.found)


def test_few_expected_errors_are_tested_exactly() -> None:
    wrong = np.zeros(400, dtype=bool)
    wrong[:7] = True
    source = ["odd"] * 40 + ["usual"] * 360
    found = find_slices(wrong, {"source": source}, level=0.05)
    assert [one.text for one in found.found] == ["source odd"]
    one_sided = fisher_exact([[7, 33], [0, 360]], alternative="greater").pvalue
    assert found.found[0].p == pytest.approx(2 * one_sided, rel=1e-9)


def test_chance_alone_is_rarely_told() -> None:
    alarms = 0
    for seed in range(40):
        chance = np.random.default_rng(seed)
        columns = {f"c{i}": chance.uniform(size=2000) for i in range(5)}
        alarms += bool(find_slices(chance.uniform(size=2000) < 0.3, columns, correction="holm").found)
    assert alarms <= 5  # 2 are expected at most; more than 5 of 40 has a chance below 2 %


def test_small_slices_and_the_order_of_samples_do_not_matter() -> None:
    wrong, columns = planted()
    assert all(one.n >= 200 for one in find_slices(wrong, columns, minimum=200).found)
    order = np.random.default_rng(1).permutation(len(wrong))
    turned = {name: np.asarray(values)[order] for name, values in columns.items()}
    mine, theirs = find_slices(wrong, columns).found, find_slices(wrong[order], turned).found
    assert [(one.text, one.n, one.p_corrected) for one in mine] == [(o.text, o.n, o.p_corrected) for o in theirs]


def test_nothing_to_find() -> None:
    none = np.zeros(100, dtype=bool)
    assert find_slices(none, {"x": np.arange(100.0)}).found == ()
    assert find_slices(~none, {"x": np.arange(100.0)}, minimum=5).found == ()
    empty = find_slices(np.zeros(0, dtype=bool), {"x": np.zeros(0)})
    assert (empty.found, empty.n) == ((), 0)
    assert math.isnan(empty.error)
    with pytest.raises(DataError, match="3 values for 100 samples"):
        find_slices(none, {"x": [1, 2, 3]})
    with pytest.raises(DataError, match="no correction 'none'"):
        find_slices(none, {}, correction="none")  # type: ignore[arg-type]


def test_columns_come_in_the_order_of_the_predictions(drawn: SampleTable) -> None:
    ids = drawn.table["sample_id"].to_pylist()[5:12][::-1]
    given = table(7)
    moved = Predictions(pa.array(ids), given.labels, given.logits, given.about)
    columns = columns_of(drawn, moved)
    assert columns["side"].to_pylist() == [48.0] * 7
    assert columns["split"].to_pylist() == ["train"] * 7
    assert "brightness" not in columns
    with pytest.raises(DataError, match="7 of 7 predicted samples are not in the samples, such as 'sample-000000'"):
        columns_of(drawn, given)
