"""The comparison with an installable rival: what is asked of whom, and what the table says."""

import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.rivals import Result, chosen, measure, started, told, truth_of
from fer_core.checkpoint import open_checkpoint
from fer_core.data import SampleTable
from fer_core.errors import DataError, UnavailableError
from fer_core.evaluate.significance import mcnemar
from fer_core.labels import FER7

# Says the class whose number is the grey of the first pixel, and checks that it was asked as the package is.
STAND_IN = """
class FER:
    def __init__(self, use_tflite, offsets):
        print("TensorFlow says many things")
        self.asked = (use_tflite, offsets)

    def detect_emotions(self, image, boxes):
        assert image.shape == (48, 48, 3) and boxes == [(0, 0, 48, 48)] and self.asked == (True, (10, 10))
        names = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]
        return [{"box": boxes[0], "emotions": {name: float(i == image[0, 0, 0]) for i, name in enumerate(names)}}]
"""


class Knows:
    """Says the class whose number is one more than the grey of the first pixel."""

    def __call__(self, faces: list[np.ndarray]) -> tuple[float, np.ndarray]:
        return 0.002 * len(faces), np.eye(7)[[(int(face[0, 0]) + 1) % 7 for face in faces]]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "site" / "fer").mkdir(parents=True)
    (tmp_path / "site" / "fer" / "fer.py").write_text(STAND_IN)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    return Path(sys.executable)


def test_both_are_asked_about_the_same_faces_in_turns(package: Path) -> None:
    faces = [np.full((48, 48), i % 7, np.uint8) for i in range(230)]
    labels = [FER7.names[i % 7 if i < 150 else (i + 1) % 7] for i in range(230)]
    with started(package, ("tflite", "10")) as rival:
        ways = {"theirs": rival, "ours": Knows()}
        theirs, ours = measure(ways, dict.fromkeys(ways, FER7.names), faces, labels)
    assert theirs.right.tolist() == [True] * 150 + [False] * 80
    assert ours.right.tolist() == [False] * 150 + [True] * 80
    assert ours.ms == pytest.approx(2.0)
    assert 0 < theirs.ms < 50


def test_a_rival_that_breaks_down_is_told(package: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with started(package, ("keras", "0")) as rival, pytest.raises(UnavailableError, match="ended with status 1"):
        rival([np.zeros((48, 48), np.uint8)])
    assert "AssertionError" in capfd.readouterr().err


def test_the_table() -> None:
    mine = np.array([True] * 80 + [False] * 20)
    other = np.array([True] * 60 + [False] * 40)
    lines = told([Result("a", mine, 2.0), Result("b", other, 5.0)], "a").splitlines()
    assert lines[2].startswith("| a | 100 | 80.0 % [")
    assert mcnemar(mine, other).p < 0.001  # 20 to 0: 2 to the power of -19
    assert lines[3].startswith("| b | 100 | 60.0 % [")
    assert lines[3].endswith("| 5.00 ms | +20.0 points | < 0.001 | 2.5 |")


def test_faces_are_taken_evenly_and_only_of_known_classes(drawn: SampleTable) -> None:
    everyone, known = chosen(drawn, "validation", 0)
    assert len(everyone) == 56
    crops, labels = chosen(drawn, "validation", 12)  # every fifth of them, from the first to the last
    assert labels == known[::5]
    assert all(np.array_equal(crop, face) for crop, face in zip(crops, everyone[::5], strict=True))
    with pytest.raises(DataError, match="no face of the classes"):
        chosen(_unlabelled(drawn), "validation", 0)


def _unlabelled(samples: SampleTable) -> SampleTable:
    columns = {name: samples.table[name].to_pylist() for name in samples.table.column_names}
    return SampleTable.from_columns(columns | {"label": [None] * len(samples)}, samples.classes)


def test_checkpoints_of_different_labels_are_not_put_into_one_table() -> None:
    by_labels, by_votes = open_checkpoint("compact").card, open_checkpoint("ferplus-670k").card
    assert truth_of([by_labels]) == "given"
    assert truth_of([by_votes, by_votes]) == "ferplus-majority"
    with pytest.raises(DataError, match=r"compact learnt the labels 'given' and ferplus-670k 'ferplus-majority'"):
        truth_of([by_labels, by_votes])
