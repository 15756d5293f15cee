"""From a file, a folder or an archive to a data set in the workspace, again and again."""

from __future__ import annotations

import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from fer_core.data import importing, look_files
from fer_core.data.importing import ImportOptions, default_name, import_samples, keep_schematic
from fer_core.data.store import list_data_sets
from fer_core.errors import DataError
from fer_core.labels import FER7, ClassSet
from tests.fer_core.data.readers.trees import picture

ROOT = Path(__file__).resolve().parents[3]


def folders(root: Path, per_class: int = 2) -> Path:
    """Pictures of one grey each in `train/happy`, `train/sad` and `test/sad`."""
    for value, place in enumerate(("train/happy", "train/sad", "test/sad")):
        for number in range(per_class):
            picture(root / place / f"{number:04}.png", 20 * value + number % 20)
    return root


def zipped(root: Path, file: Path) -> Path:
    with zipfile.ZipFile(file, "w") as archive:
        for path in sorted(root.rglob("*.png")):
            archive.write(path, path.relative_to(root.parent))
    return file


def fer2013(file: Path, rows: list[str]) -> Path:
    file.write_text("emotion,pixels,Usage\n" + "\n".join(rows) + "\n")
    return file


def row(emotion: object, value: int, usage: str = "Training", pixels: int = 48 * 48) -> str:
    return f"{emotion},{' '.join([str(value)] * pixels)},{usage}"


class Steps:
    """Remembers what progress was told of."""

    def __init__(self) -> None:
        self.seen: dict[str, list[tuple[int, int]]] = {}

    def __call__(self, what: str) -> Any:
        return lambda done, total: self.seen.setdefault(what, []).append((done, total))


def test_a_folder(tmp_path: Path) -> None:
    steps = Steps()
    kept = import_samples(folders(tmp_path / "my faces"), progress=steps)
    assert kept.data_set.name == "my-faces"
    samples = kept.data_set.samples()
    counted = sorted(zip(samples.table["label"].to_pylist(), samples.table["split"].to_pylist(), strict=True))
    assert counted == 2 * [("happy", "train")] + 2 * [("sad", "test")] + 2 * [("sad", "train")]
    assert sorted(int(face[0, 0]) for face in samples.faces()) == [0, 1, 20, 21, 40, 41]
    head = kept.data_set.head
    assert (head.note, head.report) == ("import of my faces", kept.report.as_json() | {"groups": []})
    assert steps.seen["read"][-1] == (6, 6)


def test_once_more_nothing_changes(tmp_path: Path) -> None:
    root = folders(tmp_path / "faces")
    first = import_samples(root)
    again = import_samples(root)
    assert again.data_set == first.data_set
    assert again.data_set.versions() == first.data_set.versions()
    assert len(again.data_set.versions()) == 1
    assert [d.name for d in list_data_sets()] == ["faces"]


def test_a_picture_more_is_another_data_set(tmp_path: Path) -> None:
    root = folders(tmp_path / "faces")
    import_samples(root)
    picture(root / "train" / "happy" / "more.png", 200)
    with pytest.raises(DataError, match="1 of 7 samples are not in the data set faces; choose another name"):
        import_samples(root)
    assert len(import_samples(root, "more").data_set.samples()) == 7


def test_a_picture_that_was_changed_is_another_data_set(tmp_path: Path) -> None:
    root = folders(tmp_path / "faces")
    import_samples(root)
    picture(root / "train" / "happy" / "0000.png", 250, (20, 20))
    with pytest.raises(DataError, match="data set faces has other pictures or votes under these ids"):
        import_samples(root)


def test_an_archive_is_unpacked_once(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = zipped(folders(tmp_path / "faces"), tmp_path / "Faces (1).ZIP")
    steps = Steps()
    first = import_samples(archive, progress=steps)
    assert first.data_set.name == "Faces-1"
    assert sorted(int(face[0, 0]) for face in first.data_set.samples().faces()) == [0, 1, 20, 21, 40, 41]
    assert steps.seen["unpacked bytes"][-1][0] == steps.seen["unpacked bytes"][-1][1] > 0
    assert len(list((home / "unpacked").iterdir())) == 1

    def never(*_: object, **__: object) -> None:
        raise AssertionError("it was unpacked before")

    monkeypatch.setattr(importing, "unpack", never)
    assert import_samples(archive).data_set.versions() == first.data_set.versions()
    archive.unlink()
    assert len(first.data_set.samples().faces()) == 6, "the pictures do not need the archive any more"


def test_an_archive_with_other_contents_is_another_one(tmp_path: Path, home: Path) -> None:
    archive = zipped(folders(tmp_path / "faces"), tmp_path / "faces.zip")
    import_samples(archive)
    zipped(folders(tmp_path / "faces", per_class=3), archive)
    assert len(import_samples(archive, "three").data_set.samples()) == 9
    assert len(list((home / "unpacked").iterdir())) == 2


def test_rows_that_cannot_be_read_are_reported(tmp_path: Path) -> None:
    rows = [row(0, 10), row(3, 20, "PublicTest"), row(9, 30), row(4, 40, pixels=7), row(6, 50, "PrivateTest")]
    kept = import_samples(fer2013(tmp_path / "fer2013.csv", rows))
    assert kept.data_set.name == "fer2013"
    assert kept.data_set.samples().splits() == {"train": 1, "validation": 1, "test": 1}
    assert kept.report.problems == 2
    held = kept.data_set.head.report
    assert (held["samples"], held["problems"]) == (3, 2)
    assert sum(group["count"] for group in held["groups"]) == 2
    assert held["classes"]["angry"] == {"train": 1}


def test_stop_stops_at_the_first_one_and_keeps_nothing(tmp_path: Path) -> None:
    file = fer2013(tmp_path / "fer2013.csv", [row(0, 10), row(9, 30)])
    with pytest.raises(DataError, match="9"):
        import_samples(file, options=ImportOptions(on_error="stop"))
    assert list_data_sets() == ()


def test_classes_name_what_numbers_stand_for(tmp_path: Path) -> None:
    for place in ("a.png", "b.png"):
        picture(tmp_path / place, 30 + ord(place[0]))
    (tmp_path / "list.csv").write_text("path,label\na.png,0\nb.png,1\n")
    kept = import_samples(tmp_path / "list.csv", options=ImportOptions(classes=ClassSet("two", ("sad", "happy"))))
    assert kept.data_set.samples().table["label"].to_pylist() == ["sad", "happy"]
    assert kept.data_set.classes.names == ("sad", "happy")


def test_votes_need_a_name_of_their_own(tmp_path: Path) -> None:
    file = fer2013(tmp_path / "fer2013.csv", [row(0, 10), row(3, 20)])
    import_samples(file)
    header = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
    votes = tmp_path / "fer2013new.csv"
    votes.write_text(
        f"{header}\nTraining,fer0000000.png,0,0,0,0,8,2,0,0,0,0\nTraining,fer0000001.png,0,9,0,0,0,0,0,0,1,0\n"
    )
    with pytest.raises(DataError, match="data set fer2013 has other classes or votes; choose another name"):
        import_samples(file, options=ImportOptions(labels=votes))
    kept = import_samples(file, "ferplus", ImportOptions(labels=votes))
    assert kept.data_set.samples().table["votes"].to_pylist()[0][:6] == [0, 0, 0, 0, 8, 2]


def test_what_cannot_be_a_name_is_told_before_anything_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = folders(tmp_path / "faces")

    def never(*_: object, **__: object) -> None:
        raise AssertionError("nothing should be read")

    monkeypatch.setattr(importing, "read_samples", never)
    with pytest.raises(DataError, match=r"'../x' is not a name for a data set"):
        import_samples(root, "../x")
    with pytest.raises(DataError, match="There is no file or folder"):
        import_samples(tmp_path / "gone")


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("fer2013.csv", "fer2013"),
        ("FER 2013 (copy).CSV", "FER-2013-copy"),
        ("ck+.tar.gz", "ck"),
        ("set.csv.ZIP", "set"),
        ("data.v2.parquet", "data.v2"),
        ("über", "ber"),
        ("...", "data"),
        ("表情", "data"),
        ("_x_", "x"),
        ("a" * 150, "a" * 100),
    ],
)
def test_default_names(tmp_path: Path, given: str, name: str) -> None:
    assert default_name(tmp_path / given) == name


KILLED = """
import os, signal, sys
from pathlib import Path
from fer_core.data.importing import import_samples
def progress(what):
    return lambda done, total: os.kill(os.getpid(), signal.SIGKILL) if done >= 300 else None
import_samples(Path(sys.argv[1]), progress=progress)
"""


def test_what_was_killed_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = folders(tmp_path / "faces", per_class=200)
    command = [sys.executable, "-c", KILLED, str(root)]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == -signal.SIGKILL
    assert list_data_sets() == ()
    read: list[Path] = []

    def counted(path: Path, name: str) -> Any:
        read.append(path)
        return read_picture(path, name)

    read_picture = look_files.read_picture
    monkeypatch.setattr(look_files, "read_picture", counted)
    samples = import_samples(root).data_set.samples()
    assert len(samples) == 600
    assert 0 < len(read) <= 600 - 256, "the first batches are not read again"
    pixels = {
        (label, int(face[0, 0]))
        for label, face in zip(samples.table["label"].to_pylist(), samples.faces(), strict=True)
    }
    assert pixels == {("happy", v) for v in range(20)} | {("sad", v) for v in range(20, 60)}


def test_schematic_faces_are_drawn_and_kept() -> None:
    steps = Steps()
    data_set = keep_schematic("drawn", subjects=3, seed=5, flaws=False, progress=steps)
    samples = data_set.samples()
    assert data_set.head.note == "3 drawn persons, seed 5"
    assert samples.classes == FER7
    assert len(set(samples.table["subject_id"].to_pylist())) == 3
    assert steps.seen["drawn faces"][-1] == (len(samples), len(samples))
    with pytest.raises(DataError, match="is not a name for a data set"):
        keep_schematic("../x", subjects=10**9, seed=5, flaws=False)
    assert cv2.imdecode(np.frombuffer(samples.table["image"][0].as_py(), np.uint8), 1).shape[2] == 3
