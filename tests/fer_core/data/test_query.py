"""The catalogue against plain Python over random tables with odd names and empty cells."""

from __future__ import annotations

import collections
import math
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fer_core.data.answers import ANSWERS
from fer_core.data.query import NUMBERS, OF_ANSWERS, Catalogue, Filters
from fer_core.data.versions import VERSION
from fer_core.errors import DataError

Row = dict[str, Any]
LABELS = ("happy", "it's", 'a "quoted" one', "100 %", "", None)
SPLITS = ("train", "validation", "test")
SOURCES = ("a.csv", "b'; DROP VIEW samples; --", "é ü \\ _")
SUBJECTS = ("s1", "S1", "s 2", "?", None)
POSES = ("straight", "half left", None)
OF_CHECKPOINT = ("it's", "happy", "100 %", "boredom")  # it lacks two of the labels, and has one of its own


def picked(chance: np.random.Generator, values: tuple[Any, ...]) -> Any:
    return values[chance.integers(len(values))]


def small(value: float) -> float:
    """As a column of 32 bits holds it."""
    return float(np.float32(value))


def drawn_rows(seed: int, n: int) -> list[Row]:
    """Rows of a version: some of the data set's, with many equal values and some empty ones."""
    chance = np.random.default_rng(seed)
    rows = np.sort(chance.permutation(2 * n)[:n])
    return [
        {
            "row": int(row),
            "label": picked(chance, LABELS),
            "split": picked(chance, SPLITS),
            "subject_id": picked(chance, SUBJECTS),
            "pose": picked(chance, POSES),
            "source": picked(chance, SOURCES),
            "width": int(chance.integers(40, 60)),
            "height": int(chance.integers(48, 50)),
            "brightness": small(chance.normal(120, 40)),
            "contrast": picked(chance, (small(12.3), 40.0, None)),
            "sharpness": None if chance.random() < 0.2 else small(chance.gamma(2, 300)),
            "vote_entropy": None if chance.random() < 0.5 else small(chance.random()),
            "vote_label": picked(chance, LABELS),
        }
        for row in rows
    ]


def answered(rows: list[Row], seed: int) -> pa.Table:
    """Fills in what a checkpoint says, and gives the table of its answers, for rows that this version lacks, too."""
    chance = np.random.default_rng(seed)
    probabilities = chance.dirichlet([0.3] * len(OF_CHECKPOINT), 2 * len(rows)).astype(np.float32)
    probabilities[::7] = [0, 0, 1, 0]
    for row in rows:
        of_row = probabilities[row["row"]].tolist()
        row["predicted"] = OF_CHECKPOINT[int(np.argmax(of_row))]
        row["confidence"] = max(of_row)
        known = row["label"] in OF_CHECKPOINT
        row["loss"] = -math.log(max(of_row[OF_CHECKPOINT.index(row["label"])], 1e-12)) if known else None
    columns = [
        np.arange(len(probabilities)),
        [OF_CHECKPOINT[i] for i in probabilities.argmax(1)],
        probabilities.max(1),
        list(probabilities),
        [list(OF_CHECKPOINT)] * len(probabilities),
    ]
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, ANSWERS, strict=True)], schema=ANSWERS)


def catalogue(folder: Path, rows: list[Row], answers: pa.Table | None = None) -> Catalogue:
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, schema=VERSION), folder / "v0001.parquet")
    if answers is not None:
        pq.write_table(answers, folder / "answers.parquet")
    return Catalogue(folder / "v0001.parquet", None if answers is None else folder / "answers.parquet")


def passes(row: Row, filters: Filters) -> bool:
    outcome = row["label"] is not None and (row["predicted"] == row["label"]) is (filters.outcome == "right")
    return (
        all(not values or row[column] in values for column, values in filters.among.items())
        and all(row[c] is not None and low <= row[c] <= high for c, (low, high) in filters.between.items())
        and (filters.outcome == "any" or outcome)
        and (filters.rows is None or row["row"] in filters.rows)
    )


def some_filters(chance: np.random.Generator, n: int) -> Filters:
    values = {
        "label": (*LABELS, "absent"), "split": SPLITS, "source": SOURCES, "subject_id": SUBJECTS,
        "pose": POSES,
        "predicted": OF_CHECKPOINT,
    }  # fmt: skip
    among = {c: tuple(v for v in of if chance.random() < 0.6) for c, of in values.items() if chance.random() < 0.3}
    spans = {
        "brightness": (60, 160), "contrast": (small(12.3), 20), "sharpness": (0, 900), "vote_entropy": (0.2, 0.9),
        "confidence": (0.3, 0.99), "loss": (0, 3), "width": (45, 55), "height": (48, 48),
    }  # fmt: skip
    between = {c: span for c, span in spans.items() if chance.random() < 0.15}
    rows = tuple(chance.integers(0, 2 * n, n).tolist()) if chance.random() < 0.3 else None
    return Filters(among, between, picked(chance, ("any", "any", "right", "wrong")), rows)


def in_order(rows: list[Row], order: str, *, descending: bool) -> list[int]:
    """By hand: empty cells last whichever way, equal ones by row."""
    there = sorted((r for r in rows if r[order] is not None), key=lambda r: r["row"])
    there.sort(key=lambda r: r[order].encode() if isinstance(r[order], str) else r[order], reverse=descending)
    empty = sorted(r["row"] for r in rows if r[order] is None)
    return [r["row"] for r in there] + empty


@pytest.mark.parametrize("seed", range(3))
def test_every_filter_as_by_hand(tmp_path: Path, seed: int) -> None:
    rows = drawn_rows(seed, 90)
    there = catalogue(tmp_path, rows, answered(rows, seed))
    chance = np.random.default_rng(seed + 100)
    sizes = set()
    for _ in range(60):
        filters = some_filters(chance, 90)
        expected = [row for row in rows if passes(row, filters)]
        assert there.rows(filters) == [row["row"] for row in expected], filters
        assert there.count(filters) == len(expected)
        counted = {(c["label"], c["split"]): c["n"] for c in there.counts(filters, "label", "split")}
        assert counted == collections.Counter((row["label"], row["split"]) for row in expected)
        sizes.add(len(expected))
    assert len(sizes) > 10, "the filters differ"


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("order", ["row", "label", "subject_id", "predicted", *NUMBERS])
def test_orders_and_pages(tmp_path: Path, order: str, descending: bool) -> None:
    rows = drawn_rows(7, 83)
    there = catalogue(tmp_path, rows, answered(rows, 7))
    expected = in_order(rows, order, descending=descending)
    found: list[int] = []
    for offset in range(0, 90, 10):
        page = there.page(Filters(), order, descending=descending, offset=offset, limit=10)
        found += page["row"].to_pylist()
    assert found == expected
    assert there.page(Filters(), offset=1000).num_rows == 0
    filters = Filters({"split": ("train",)})
    page = there.page(filters, order, descending=descending, limit=7)["row"].to_pylist()
    assert page == in_order([r for r in rows if passes(r, filters)], order, descending=descending)[:7]


def test_a_page_has_the_columns_of_the_version_and_the_answers(tmp_path: Path) -> None:
    rows = drawn_rows(3, 40)
    there = catalogue(tmp_path, rows, answered(rows, 3))
    page = there.page(Filters(), limit=100).to_pylist()
    assert [list(row) for row in page] == [[*VERSION.names, "predicted", "confidence", "loss"]] * 40
    for row, given in zip(page, rows, strict=True):
        assert row.pop("loss") == (None if given["loss"] is None else pytest.approx(given["loss"], abs=1e-6))
        assert row == {name: value for name, value in given.items() if name != "loss"}
    plain = catalogue(tmp_path / "plain", drawn_rows(3, 40)).page(Filters(), limit=100)
    assert plain.to_pylist() == drawn_rows(3, 40)


def test_a_class_that_the_checkpoint_lacks_has_no_loss_and_is_wrong(tmp_path: Path) -> None:
    rows = drawn_rows(1, 60)
    there = catalogue(tmp_path, rows, answered(rows, 1))
    of_lacking = Filters({"label": ('a "quoted" one', "")})
    page = there.page(of_lacking, limit=100)
    assert page.num_rows > 5
    assert page["loss"].null_count == page.num_rows
    wrong = Filters({"label": ('a "quoted" one', "")}, outcome="wrong")
    assert there.count(wrong) == page.num_rows
    assert there.count(Filters({"label": (None,)}, outcome="wrong")) == 0, "what has no label is neither"
    assert there.count(Filters({"label": (None,)}, outcome="right")) == 0


def test_a_probability_of_zero_is_a_large_loss_not_an_infinite_one(tmp_path: Path) -> None:
    rows = [{**drawn_rows(0, 1)[0], "row": 0, "label": "happy"}]
    there = catalogue(tmp_path, rows, answered(rows, 0))  # the first answer is certain of "100 %"
    assert there.page(Filters())["loss"].to_pylist() == pytest.approx([27.631], abs=1e-3)
    assert there.span("loss") == pytest.approx((27.631, 27.631), abs=1e-3)


def test_spans(tmp_path: Path) -> None:
    rows = drawn_rows(5, 50)
    there = catalogue(tmp_path, rows, answered(rows, 5))
    for column in NUMBERS:
        values = [row[column] for row in rows if row[column] is not None]
        assert there.span(column) == pytest.approx((min(values), max(values)), abs=1e-6)
        low, high = there.span(column) or (0, 0)
        assert there.count(Filters(between={column: (low, high)})) == len(values), "both ends are within"
    empty = [{**row, "sharpness": None} for row in drawn_rows(5, 50)]
    assert catalogue(tmp_path / "empty", empty).span("sharpness") is None


def test_counts_come_with_the_most_first(tmp_path: Path) -> None:
    rows = drawn_rows(2, 80)
    there = catalogue(tmp_path, rows)
    found = there.counts(Filters(), "label")
    assert [c["n"] for c in found] == sorted((c["n"] for c in found), reverse=True)
    assert {c["label"]: c["n"] for c in found} == collections.Counter(row["label"] for row in rows)
    by_vote = there.counts(Filters(), "vote_label")
    assert {c["vote_label"]: c["n"] for c in by_vote} == collections.Counter(row["vote_label"] for row in rows)


def test_no_rows_and_no_values(tmp_path: Path) -> None:
    there = catalogue(tmp_path, drawn_rows(2, 20))
    assert there.rows(Filters(rows=())) == []
    assert there.count(Filters({"label": ()})) == 20
    assert there.count(Filters({"label": ("absent",)})) == 0
    nothing = catalogue(tmp_path / "nothing", [])
    assert (nothing.count(Filters()), nothing.rows(Filters()), nothing.counts(Filters(), "label")) == (0, [], [])
    assert nothing.span("brightness") is None


@pytest.mark.parametrize(
    "folder", ["it's", "what?", "a[1]b", "[!a]", "x*y", "row=5", "label=happy", "{a,b}", "~a", "a%20b", "back\\slash"]
)
def test_paths_with_a_meaning_to_others(tmp_path: Path, folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = drawn_rows(4, 12)
    answers = answered(rows, 4)
    catalogue(tmp_path / "xay", drawn_rows(5, 5))  # what "x*y" must not find, too
    monkeypatch.chdir(tmp_path)
    there = catalogue(Path(folder), rows, answers)
    monkeypatch.chdir("/")
    assert there.rows(Filters()) == [row["row"] for row in rows]
    assert there.page(Filters(), limit=20).column_names == [*VERSION.names, "predicted", "confidence", "loss"]
    assert there.page(Filters(), limit=20)["label"].to_pylist() == [row["label"] for row in rows]


def test_unknown_columns_and_missing_answers(tmp_path: Path) -> None:
    there = catalogue(tmp_path, drawn_rows(4, 12))
    with pytest.raises(DataError, match="cannot be sorted by 'row; DROP', but by row, label"):
        there.page(Filters(), "row; DROP")
    with pytest.raises(DataError, match="cannot be filtered by 'brightness', but by label"):
        there.count(Filters({"brightness": ("1",)}))
    with pytest.raises(DataError, match="'label' has no bounds; brightness"):
        there.count(Filters(between={"label": (0, 1)}))
    with pytest.raises(DataError, match="A sample has no 'label, n'"):
        there.counts(Filters(), "label, n")
    with pytest.raises(DataError, match="A sample has no 'x'"):
        there.span("x")
    for column in OF_ANSWERS:
        with pytest.raises(DataError, match=f"There is no {column} yet: let the checkpoint classify"):
            there.page(Filters(), column)
    for filters in (Filters({"predicted": ("happy",)}), Filters(between={"loss": (0, 1)}), Filters(outcome="right")):
        assert filters.needs_answers()
        with pytest.raises(DataError, match="let the checkpoint classify this data set first"):
            there.count(filters)
    for filters in (Filters(), Filters({"predicted": (), "label": ("happy",)}, rows=(1,))):
        assert not filters.needs_answers()
        assert there.count(filters) >= 0


def test_damaged_and_missing_files(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.parquet cannot be searched .*show another version"):
        Catalogue(tmp_path / "gone.parquet")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 nonsense PAR1")
    with pytest.raises(DataError, match=r"bad\.parquet cannot be searched"):
        Catalogue(tmp_path / "bad.parquet")
    rows = drawn_rows(4, 400)
    there = catalogue(tmp_path, rows)
    assert there.count(Filters(between={"brightness": (0, 300)})) > 0
    file = tmp_path / "v0001.parquet"
    data = bytearray(file.read_bytes())
    data[4 : len(data) // 2] = b"\xff" * (len(data) // 2 - 4)  # pages are damaged, the footer is not
    file.write_bytes(data)
    with pytest.raises(DataError, match=r"v0001\.parquet cannot be searched"):
        Catalogue(file).page(Filters(), limit=400)


def test_threads_may_share_one(tmp_path: Path) -> None:
    rows = drawn_rows(11, 300)
    there = catalogue(tmp_path, rows, answered(rows, 11))
    expected = {s: [r["row"] for r in rows if r["split"] == s] for s in SPLITS}
    wrong: list[Any] = []

    def ask(split: str) -> None:
        try:
            for _ in range(10):
                filters = Filters({"split": (split,)})
                if there.rows(filters) != expected[split] or there.count(filters) != len(expected[split]):
                    wrong.append(split)
                there.page(filters, "loss")
        except Exception as error:  # noqa: BLE001  (whatever a thread raises must fail the test)
            wrong.append(error)

    threads = [threading.Thread(target=ask, args=(SPLITS[i % 3],)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_checkpoint_that_answers_anew_is_seen(tmp_path: Path) -> None:
    rows = drawn_rows(8, 30)
    catalogue(tmp_path, rows, answered(rows, 8))
    again = catalogue(tmp_path, rows, answered(rows, 9))
    assert again.page(Filters(), limit=30)["predicted"].to_pylist() == [row["predicted"] for row in rows]


def test_a_version_from_before_there_were_poses(tmp_path: Path) -> None:
    rows = drawn_rows(1, 20)
    old = [{name: cell for name, cell in row.items() if name != "pose"} for row in rows]
    schema = pa.schema([field for field in VERSION if field.name != "pose"])
    pq.write_table(pa.Table.from_pylist(old, schema=schema), tmp_path / "old.parquet")
    catalogue = Catalogue(tmp_path / "old.parquet")
    assert catalogue.counts(Filters(), "pose") == [{"pose": None, "n": 20}]
    assert catalogue.count(Filters(among={"pose": ("straight",)})) == 0
    assert catalogue.count(Filters(among={"pose": (None,)})) == 20
