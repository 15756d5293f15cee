"""`python -m fer_core data`: every command, its JSON alone on standard output, and mistakes as sentences."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from fer_core.__main__ import app
from fer_core.checkpoint import Checkpoint
from fer_core.data import SampleTable
from fer_core.data.answers import answers_file, features_file, map_file
from fer_core.data.audit import checks
from fer_core.data.commands import app as data_app
from fer_core.data.download import SOURCES
from fer_core.data.store import DataSet, keep, open_data_set
from fer_core.labels import FER7
from tests.fer_core.data.readers.trees import picture

TWINS = "exact-twins-across-splits"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["data", *(str(a) for a in arguments)])


def said(*arguments: object) -> Any:
    """What a command prints as JSON; the whole of standard output must be it."""
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def data_set(few: SampleTable) -> DataSet:
    return keep("few", few, "drawn for a test")


@pytest.fixture
def checkpoint(make_checkpoint: Callable[..., Checkpoint], home: Path) -> Checkpoint:
    return make_checkpoint(home / "checkpoints" / "mine")


@pytest.fixture
def twins(few: SampleTable) -> DataSet:
    """The first face to validate is the first one to train on."""
    table = few.table
    for name in ("image", "sha256", "label"):
        values = table[name].to_pylist()
        values[28] = values[0]
        table = table.set_column(table.schema.get_field_index(name), table.schema.field(name), [values])
    return keep("twins", SampleTable(table, FER7), "with a pair of twins")


def test_import(tmp_path: Path, home: Path) -> None:
    for value, name in enumerate(("happy/a.png", "happy/b.png", "sad/c.png")):
        picture(tmp_path / "faces" / "train" / name, value)
    (tmp_path / "faces" / "train" / "sad" / "broken.png").write_bytes(b"none")
    result = run("import", tmp_path / "faces", "--json")
    assert result.exit_code == 0
    value = json.loads(result.stdout)
    assert (value["name"], value["samples"], value["problems"]) == ("faces", 3, 1)
    assert value["classes"]["happy"] == {"train": 2}
    assert "read 4 of 4" in result.stderr
    assert said("import", tmp_path / "faces") == value, "once more the same"
    assert said("import", tmp_path / "faces", "--name", "others")["name"] == "others"
    text = run("import", tmp_path / "faces").stdout
    assert "3 samples read, 1 problem(s)" in text
    assert (home / "cache" / "looks.sqlite").exists()


def test_import_with_classes_by_number(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    picture(tmp_path / "b.png", 90)
    (tmp_path / "list.csv").write_text("path,label\na.png,0\nb.png,1\n")
    value = said("import", tmp_path / "list.csv", "--classes", " joy , sad")
    assert value["classes"] == {"happy": {"train": 1}, "sad": {"train": 1}}


def test_list(data_set: DataSet, few: SampleTable, home: Path) -> None:
    keep("another", few, "the same")
    row = {"n": 42, "version": 1, "folder": str(home / "datasets")}
    assert said("list") == [
        {**row, "name": "another", "note": "the same", "folder": str(home / "datasets" / "another")},
        {**row, "name": "few", "note": "drawn for a test", "folder": str(data_set.folder)},
    ]
    assert "few                             42 samples, version 1 (drawn for a test)" in run("list").stdout


def test_list_of_nothing() -> None:
    assert said("list") == []
    assert run("list").stdout == "No data set yet. Import one, or draw one: `data schematic`.\n"


def test_show_and_step(data_set: DataSet) -> None:
    data_set.tag("odd", [3, 4])
    data_set.add_version(data_set.samples().split("train"), "train alone")
    value = said("show", "few")
    assert (value["name"], value["version"], value["tags"]) == ("few", 2, {"odd": 2})
    assert [(v["number"], v["parent"], v["n"]) for v in value["versions"]] == [(1, None, 42), (2, 1, 28)]
    assert {(c["split"], c["label"]): c["n"] for c in value["counts"]} == {("train", name): 4 for name in FER7.names}
    lines = run("show", "few").stdout.splitlines()
    assert lines[:2] == ["  1 drawn for a test", "* 2 train alone"]
    assert lines[-1] == "  tag odd: 2"
    back = said("step", "few", 1)
    assert (back["number"], back["n"]) == (1, 42)
    assert data_set.head.number == 1
    assert run("step", "few", 2).stdout == "version 2: train alone, 28 samples\n"


@pytest.mark.usefixtures("checkpoint")
def test_audit_and_remedy(twins: DataSet, tmp_path: Path) -> None:
    page = tmp_path / "reports" / "audit.html"
    result = run("audit", "twins", "--checkpoint", "mine", "--html", page, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert isinstance(found, list)
    assert {f["check"] for f in found} <= {c.name for c in checks()}
    (finding,) = (f for f in found if f["check"] == TWINS)
    assert (finding["count"], finding["sample_ids"]) == (2, ["train-0", "validation-28"])
    assert finding["by_class"] == {"angry": 2}
    assert "<html" in page.read_text()
    assert "faces 42 of 42" in result.stderr
    single = said("audit", "twins", "--checkpoint", "mine", "--check", TWINS, "--check", "imbalance")
    assert [f for f in single if f["check"] == TWINS] == [finding]
    assert TWINS in run("audit", "twins", "--checkpoint", "mine", "--check", TWINS).stdout
    version = said("remedy", "twins", TWINS, "--kind", "exclude")
    assert (version["number"], version["parent"], version["n"]) == (2, 1, 41)
    assert len(twins.samples()) == 41


def test_answer_and_map(data_set: DataSet, checkpoint: Checkpoint) -> None:
    sha256 = checkpoint.card.weights_sha256
    value = said("answer", "few", "--checkpoint", "mine")
    assert value == {
        "answers": str(answers_file(data_set, sha256)), "map": str(map_file(data_set, sha256, "pca")),
    }  # fmt: skip
    assert np.load(features_file(data_set, sha256)).shape == (42, 16)
    value = said("map", "few", "--checkpoint", "mine", "--projection", "pca")
    assert np.load(value["map"]).shape == (42, 2)


def test_split(data_set: DataSet) -> None:
    value = said("split", "few", "--train", 0.5, "--validation", 0.25, "--test", 0.25, "--by", "sample", "--seed", 3)
    assert (value["by"], value["version"]) == ("sample", 2)
    assert value["splits"] == open_data_set("few").samples().splits()
    assert sum(value["splits"].values()) == 42
    assert data_set.head.note.startswith("split by sample, seed 3")
    two = said("split", "few", "--train", 0.5, "--validation", 0.5, "--test", 0, "--by", "sample")
    assert set(two["splits"]) == {"train", "validation"}


def test_merge(data_set: DataSet, twins: DataSet) -> None:
    value = said("merge", "few", "twins", "--name", "both", "--map", "fear=sad", "--map", "twins/angry=")
    merged = open_data_set("both").samples()
    expected = len(data_set.samples()) + sum(label != "angry" for label in twins.samples().table["label"].to_pylist())
    assert value["n"] == len(merged) == expected
    labels = merged.table["label"].to_pylist()
    assert "fear" not in labels
    assert labels.count("sad") == 4 * 6
    assert value["splits"] == merged.splits()
    assert "one: 42 samples" in run("merge", "few", "--name", "one", "--map", "fear=sad").stdout


@pytest.mark.usefixtures("data_set")
def test_top_up(drawn: SampleTable) -> None:
    keep("supply", drawn, "16 of each class to train on")
    value = said("top-up", "few", "supply", "--name", "more", "--class", "anger", "--class", "fear", "--target", 10)
    assert value == {
        "name": "more", "before": {"angry": 4, "fear": 4}, "added": {"angry": 6, "fear": 6},
        "supply": {"angry": 16, "fear": 16}, "twins": 0,
    }  # fmt: skip
    samples = open_data_set("more").samples()
    assert samples.splits() == {"train": 28 + 12, "validation": 14}
    assert samples.split("train").table["label"].to_pylist().count("angry") == 10
    assert sum(i.startswith("supply/") for i in samples.table["sample_id"].to_pylist()) == 12


@pytest.mark.usefixtures("data_set")
def test_copies() -> None:
    assert said("copies", "few", "--name", "more", "--per-class", 5) == {"name": "more", "before": 42, "copies": 7}
    train = open_data_set("more").samples().split("train").table
    assert [train["label"].to_pylist().count(name) for name in FER7.names] == [5] * 7
    assert sum(parent is not None for parent in train["parent_id"].to_pylist()) == 7


def test_every_command_speaks_json() -> None:
    for command in data_app.registered_commands:
        assert "--json" in run(command.name, "--help").stdout, command.name


def test_schematic() -> None:
    value = said("schematic", "--name", "people", "--subjects", 3, "--seed", 1)
    samples = open_data_set("people").samples()
    assert value == {"name": "people", "n": len(samples), "note": "3 drawn persons, seed 1"}
    assert set(samples.table["source"].to_pylist()) == {"schematic"}


def test_download_lists_what_there_is() -> None:
    assert [row["name"] for row in said("download")] == list(SOURCES)
    assert all(row["by_hand"] and row["title"] for row in said("download"))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["show", "gone"], "There is no data set 'gone' in"),
        (["show", "../few"], "There is no data set '../few' in"),
        (["audit", "gone"], "There is no data set 'gone' in"),
        (["audit", "few", "--check", "x", "--checkpoint", "mine"], "There is no check x; there are"),
        (["audit", "few", "--checkpoint", "gone"], "There is no checkpoint 'gone'"),
        (["remedy", "few", TWINS], "Version 1 of few has not been audited; run the audit first."),
        (["step", "few", "7"], "The data set few has no version 7."),
        (["answer", "few", "--checkpoint", "gone"], "There is no checkpoint 'gone'"),
        (["map", "few", "--projection", "tsne"], "--projection is 'tsne'; it must be pca or umap."),
        (["map", "few", "--projection", "pca", "--checkpoint", "mine"], "There are no features yet"),
        (["split", "few", "--by", "face"], "--by is 'face'; it must be subject or sample."),
        (["split", "few", "--train", "0.9"], "Shares must be positive and sum to 1"),
        (["split", "few", "--keep", "rest"], "There is no split 'rest' to keep"),
        (["merge", "few", "--name", "x", "--map", "fear"], "--map takes class=class, not 'fear'; for example"),
        (["merge", "few", "gone", "--name", "x"], "There is no data set 'gone' in"),
        (["merge", "few", "--name", "../x"], "'../x' is not a name for a data set"),
        (["import", "gone.csv"], "There is no file or folder gone.csv; check the spelling."),
        (["import", ".", "--on-error", "ask"], "--on-error is 'ask'; it must be skip or stop."),
        (["import", ".", "--classes", "sad"], "has 1 class(es); a classifier needs at least two"),
        (["schematic", "--name", "a b"], "'a b' is not a name for a data set"),
        (["schematic", "--subjects", "0"], "subjects of schematic faces must be 3 to"),
        (["download", "nothing"], "There is no data set 'nothing' to download; there are"),
    ],
)
@pytest.mark.usefixtures("data_set", "checkpoint")
def test_mistakes_are_sentences(
    arguments: list[str], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(*arguments, "--json")
    assert result.exit_code == 2
    assert result.stdout == ""
    last = result.stderr.splitlines()[-1]
    assert last.startswith("Error: ")
    assert sentence in last


def test_a_csv_with_quotes_in_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "it's mine; 100 %"
    for number, label in enumerate(("happy", "sad", "sad")):
        picture(folder / "faces" / f"{number}.png", number)
        with (folder / "list.csv").open("a", newline="") as file:
            csv.writer(file).writerows(([("path", "label")] if not number else []) + [(f"faces/{number}.png", label)])
    assert said("import", folder / "list.csv", "--name", "mine")["samples"] == 3
    assert {c["label"]: c["n"] for c in said("show", "mine")["counts"]} == {"sad": 2, "happy": 1}
