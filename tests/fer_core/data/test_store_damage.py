"""Data sets in the workspace when something goes wrong: nothing half is left, and damage is told in sentences."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fer_core.data import SampleTable, scratch, store
from fer_core.data.store import DataSet, keep, list_data_sets
from fer_core.errors import DataError, ImageError
from tests.fer_core.data.changed import with_column

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def data_set(few: SampleTable) -> DataSet:
    return keep("few", few, "drawn for a test")


def test_a_picture_that_cannot_be_read_leaves_nothing(few: SampleTable, home: Path) -> None:
    with pytest.raises(ImageError, match="train-0"):
        keep("few", with_column(few, "image", [b"none", *few.table["image"].to_pylist()[1:]]), "broken")
    assert not list(home.rglob("samples.arrow"))


def left_over(home: Path) -> list[str]:
    return [p.name for p in (home / "datasets").iterdir() if p.name != ".lock"]


@pytest.mark.parametrize("at", ["write_version", "write_json"])
def test_a_crash_in_the_middle_leaves_nothing_half(
    few: SampleTable, home: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(store, at, crash)
        with pytest.raises(KeyboardInterrupt):
            keep("few", few, "drawn")
    assert left_over(home) == []
    assert list_data_sets() == ()
    assert len(keep("few", few, "drawn").samples()) == 42


def test_a_full_disk_is_told_in_a_sentence(few: SampleTable, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store, "write_version", full)
    with pytest.raises(DataError, match=r"No space left on device.*make room"):
        keep("few", few, "drawn")
    assert left_over(home) == []


def test_a_crash_before_a_version_is_whole_leaves_the_former_one(
    data_set: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(path: Path, _text: str) -> None:
        raise KeyboardInterrupt(str(path))

    train = data_set.samples().split("train")
    with monkeypatch.context() as patch:
        patch.setattr("fer_core.data.versions.write_text", crash)
        with pytest.raises(KeyboardInterrupt):
            data_set.add_version(train, "never")
    assert [v.number for v in data_set.versions()] == [1]
    assert data_set.add_version(train, "now").number == 2
    assert data_set.samples().data_hash() == train.data_hash()


KILLED = """
import sys, time
from pathlib import Path
from fer_core.data.scratch import scratch_beside
with scratch_beside(Path(sys.argv[1])) as folder:
    (folder / "samples.arrow").write_bytes(b"half")
    print(folder.name, flush=True)
    time.sleep(60)
"""


def test_what_a_killed_import_left_is_cleared_away_by_the_next(few: SampleTable, home: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(home / "datasets" / "few")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        half = process.stdout.readline().strip()
        keep("other", few, "while it lives")
        assert sorted(left_over(home)) == sorted([half, "other"]), "what a living process makes is left to it"
        process.send_signal(signal.SIGKILL)
    assert [d.name for d in list_data_sets()] == ["other"]
    keep("few", few, "drawn")
    assert sorted(left_over(home)) == ["few", "other"]


def spoil(name: str, data: bytes | None) -> Callable[[DataSet], None]:
    def do(data_set: DataSet) -> None:
        file = data_set.folder / name
        if data is None:
            file.unlink()
        else:
            file.write_bytes(data)

    return do


def cut(data_set: DataSet) -> None:
    file = data_set.folder / "samples.arrow"
    os.truncate(file, file.stat().st_size - 1000)


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (cut, r"samples\.arrow cannot be read .* delete the data set few and import it again"),
        (spoil("samples.arrow", None), r"samples\.arrow cannot be read"),
        (spoil("samples.arrow", b""), r"samples\.arrow cannot be read"),
        (spoil("head.json", None), r"head\.json is missing or damaged; import the data set few again"),
        (spoil("head.json", b"{"), r"head\.json is missing or damaged"),
        (spoil("head.json", b"[]"), r"head\.json is missing or damaged"),
        (spoil("head.json", b'{"version": 7}'), "The data set few has no version 7"),
        (spoil("v0001.json", b'{"number"'), r"v0001\.json is damaged; delete it and show another version of few"),
        (spoil("v0001.parquet", b"PAR1"), r"v0001\.parquet cannot be read .* show another version of few"),
        (spoil("v0001.parquet", None), r"v0001\.parquet cannot be read"),
    ],
)
def test_damage_is_told_in_sentences(data_set: DataSet, damage: Callable[[DataSet], None], sentence: str) -> None:
    damage(data_set)
    with pytest.raises(DataError, match=sentence):
        DataSet(data_set.folder).samples()


def test_damaged_tags(data_set: DataSet) -> None:
    for text in (b"{", b"[1]", b'{"a": "b"}'):
        spoil("tags.json", text)(data_set)
        with pytest.raises(DataError, match=r"tags\.json is damaged; delete it"):
            data_set.tags()


@pytest.mark.parametrize("text", [None, b"", b'{"version": 9}'])
def test_importing_again_mends_the_head_and_keeps_the_versions(
    few: SampleTable, data_set: DataSet, text: bytes | None
) -> None:
    data_set.add_version(data_set.samples().split("train"), "train alone")
    spoil("head.json", text)(data_set)
    keep("few", few, "again")
    assert data_set.head.number == 1
    assert [v.number for v in data_set.versions()] == [1, 2]


def test_importing_again_does_not_pass_over_damaged_pictures(few: SampleTable, data_set: DataSet) -> None:
    cut(data_set)
    with pytest.raises(DataError, match="delete the data set few and import it again"):
        keep("few", few, "again")
    data_set.delete()
    assert keep("few", few, "again").samples().data_hash() == few.data_hash()


def test_a_scratch_folder_is_gone_unless_it_was_renamed(tmp_path: Path) -> None:
    with scratch.scratch_beside(tmp_path / "a" / "b") as folder:
        (folder / "file").write_text("x")
    assert [p.name for p in (tmp_path / "a").iterdir()] == [".lock"]
    with scratch.scratch_beside(tmp_path / "a" / "b") as folder:
        (folder / "file").write_text("x")
        folder.replace(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b" / "file").read_text() == "x"
