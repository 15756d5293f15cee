"""`evaluate`, `compare`, `errors` and `report` on the command line."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from fer_core.__main__ import app
from fer_core.data import SampleTable
from fer_core.evaluate.locked import looks
from fer_core.evaluate.shelf import list_predictions

Make = Callable[..., Any]


@pytest.fixture
def data(make_checkpoint: Make, home: Path, drawn: SampleTable, tmp_path: Path) -> Path:
    """Drawn faces on disk, and two checkpoints `one` and `two` in the workspace."""
    for seed, name in enumerate(("one", "two")):
        make_checkpoint(home / "checkpoints" / name, seed=seed)
    drawn.save(tmp_path / "drawn.parquet")
    return tmp_path / "drawn.parquet"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def said(*arguments: str) -> Any:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_evaluating_keeps_the_table_and_counts_looks_at_test(data: Path) -> None:
    first = said("evaluate", "--checkpoint", "one", "--data", str(data), "--split", "val")
    assert first["n"] == 56
    assert {"accuracy", "per_class", "confusion", "twins_in_train", "deduplicated"} <= first.keys()
    assert said("evaluate", "--checkpoint", "one", "--data", str(data), "--split", "validation") == first
    assert [(a.model, a.data, a.split) for a in list_predictions()] == [("one", "drawn.parquet", "validation")]
    assert looks() == ()
    said("evaluate", "--checkpoint", "one", "--data", str(data), "--split", "test")
    said("evaluate", "--checkpoint", "one", "--data", str(data), "--split", "test", "--why", "the paper")
    assert [look.why for look in looks()] == ["asked for on the command line", "the paper"]


def test_comparing_two_checkpoints(data: Path) -> None:
    found = said("compare", "one", "two", "--data", str(data), "--draws", "200")
    assert (found["split"], found["n"]) == ("validation", 56)
    alone = {n: said("evaluate", "--checkpoint", n, "--data", str(data), "--split", "val") for n in ("one", "two")}
    [pair] = found["pairs"]
    apart = alone["one"]["accuracy"] - alone["two"]["accuracy"]
    assert pair["differences"]["accuracy"]["value"] == pytest.approx(apart)
    assert (pair["mcnemar"]["only_first"] - pair["mcnemar"]["only_second"]) / 56 == pytest.approx(apart)
    assert {row["model"] for row in found["leaderboard"]} == {"one", "two"}
    assert all(row["multiply-adds"] > 0 for row in found["leaderboard"])
    assert found["agreement"]["share"][0][0] == 1
    text = run("compare", "one", "two", "--data", str(data), "--draws", "100")
    assert "one less two, n = 56" in text.stdout
    table = run("compare", "one", "two", "--data", str(data), "--draws", "100", "--table", "csv")
    assert [row["n"] for row in csv.DictReader(io.StringIO(table.stdout))] == ["56", "56"]


def test_what_cannot_be_compared(data: Path) -> None:
    alone = run("compare", "one", "--data", str(data))
    assert (alone.exit_code, "two checkpoints or more" in alone.stderr) == (2, True)
    odd = run("compare", "one", "two", "--data", str(data), "--table", "word")
    assert "must be markdown, latex or csv" in odd.stderr
    gone = run("compare", "one", "three", "--data", str(data))
    assert "There is no checkpoint 'three'" in gone.stderr


def test_errors_of_a_checkpoint(data: Path) -> None:
    found = said("errors", "--checkpoint", "one", "--data", str(data), "--class", "fear")
    assert found["n"] == 56
    assert sum(map(sum, found["confusion"])) == 56
    assert found["lens"]["name"] == "fear"
    assert sum(flow["n"] for flow in found["lens"]["goes"]) == 8
    assert set(found["lens"]["missed"]) <= set(found["lens"]["hardest"])
    text = run("errors", "--checkpoint", "one", "--data", str(data))
    assert "slices that fail" in text.stdout
    assert "n = 56: " in text.stdout.splitlines()[0]
    assert text.stdout.splitlines()[0].endswith("] right")
    assert "taken for" in text.stdout


def test_a_report_of_a_checkpoint(data: Path, tmp_path: Path) -> None:
    page, card = tmp_path / "out" / "report.html", tmp_path / "README.md"
    arguments = ("report", "--checkpoint", "one", "--data", str(data), "--html", str(page), "--readme", str(card))
    assert run(*arguments, "--pictures").exit_code == 0
    assert page.read_text().startswith("<!doctype html>")
    assert "data:image/png;base64," in page.read_text()
    assert "# one" in card.read_text()
    assert run(*arguments).exit_code == 0
    assert "data:image" not in page.read_text()
    assert "Nothing to write" in run("report", "--checkpoint", "one", "--data", str(data)).stderr
    blocked = run("report", "--checkpoint", "one", "--data", str(data), "--html", str(tmp_path))
    assert (blocked.exit_code, "cannot be written" in blocked.stderr) == (2, True)
