"""A video analysed with stand-in models: every row worked out beforehand."""

from __future__ import annotations

import csv
import json
import math
import tracemalloc
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from fer_core.errors import ModelError, VideoError
from fer_core.live import LiveOptions
from fer_core.video import Film, Job, Result, analyse_video
from tests.fer_core.live.standins import HAPPY, Brightest, Classifier
from tests.fer_core.video.films import film, moving

SAD = HAPPY[[0, 1, 2, 4, 3, 5, 6]]


class Changing(Classifier):
    """Happy at first, sad from the thirtieth frame on."""

    model_hash = "0" * 64

    def probabilities(self, faces: Any) -> Any:
        self.answer = SAD if len(self.faces_seen) >= 30 else HAPPY
        return super().probabilities(faces)


class Still(Classifier):
    model_hash = "0" * 64


@pytest.fixture(autouse=True)
def _stand_in_has_a_card(monkeypatch: pytest.MonkeyPatch) -> None:
    before = Classifier.__init__

    def make(self: Any, *given: Any, **named: Any) -> None:
        before(self, *given, **named)
        self.card.temperature = 1.0

    monkeypatch.setattr(Classifier, "__init__", make)


def job(predictor: Any = None, **how: Any) -> Job:
    options = LiveOptions(window_s=0.4, mirror=False, bars=False)
    return Job(predictor or Changing(), Brightest(), options, **how)  # type: ignore[arg-type]


def rows(out: Path) -> list[dict[str, str]]:
    with (out / "faces.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_rows_smoothing_and_summary(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    made = job(progress=lambda done, total: told.append((done, total)))
    summary = analyse_video(film(tmp_path / "a.mp4", moving(60)), tmp_path / "out", made)
    found = rows(tmp_path / "out")
    assert [int(row["frame"]) for row in found] == list(range(60))
    assert {row["track"] for row in found} == {"1"}
    assert float(found[31]["time_s"]) == pytest.approx(31 * 0.04)
    # The raw answer changes at once, the smoothed one by exp(-t / 0.4) from the last happy frame, 0.04 s a frame.
    assert [row["label"] for row in found] == ["happy"] * 30 + ["sad"] * 30
    for k in (1, 5, 20):
        kept = math.exp(-k * 0.04 / 0.4)
        assert float(found[29 + k]["smoothed_happy"]) == pytest.approx(0.9 * kept + 0.02 * (1 - kept), abs=2e-6)
        assert float(found[29 + k]["p_happy"]) == 0.02
    assert found[29]["shown"] == "happy"
    assert found[59]["shown"] == "sad"
    for row in found:
        assert sum(float(row[f"smoothed_{name}"]) for name in Classifier().classes.names) == pytest.approx(1, abs=1e-5)
    # The square is 96 pixels wide and one pixel further right in each frame.
    assert float(found[40]["x"]) == pytest.approx(140, abs=3)
    assert float(found[40]["width"]) == pytest.approx(96, abs=4)
    assert (summary["frames"], summary["faces"], summary["tracks"], summary["frames_without_face"]) == (60, 60, 1, 0)
    assert (summary["width"], summary["height"], summary["duration_s"]) == (320, 240, pytest.approx(2.4))
    assert summary == json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["complete"]
    assert told == [(i, 60) for i in range(1, 61)]


def test_annotated_video_keeps_frames_times_and_boxes(tmp_path: Path) -> None:
    times = [0, 40, 80, 400, 440, 1000]
    analyse_video(film(tmp_path / "a.mkv", moving(6), times), tmp_path / "out", job(Still()))
    path = tmp_path / "out" / "annotated.webm"
    assert path.read_bytes()[:4] == b"\x1aE\xdf\xa3"
    with av.open(str(path)) as container:
        assert container.streams.video[0].codec_context.name in ("vp9", "libvpx-vp9")
    shots = list(Film(path).frames())
    assert [shot.at_s for shot in shots] == pytest.approx([t / 1000 for t in times], abs=0.002)
    assert shots[0].pixels.shape == (240, 320, 3)
    tag = shots[3].pixels[46:58, 106:150].astype(int)  # above the box, filled with the colour of happy, #E69F00
    assert (np.abs(tag - (0xE6, 0x9F, 0)).max(2) < 60).mean() > 0.4


def test_pacing_does_not_depend_on_the_machine(tmp_path: Path) -> None:
    path, detector = film(tmp_path / "a.mp4", moving(50)), Brightest()
    analyse_video(path, tmp_path / "out", Job(Still(), detector, annotated=False))  # type: ignore[arg-type]
    # A look every 0.1 s of film: at frames 0, 3, 6, ... of 0.04 s each.
    assert detector.looks == 17
    assert not (tmp_path / "out" / "annotated.webm").exists()


def test_no_face(tmp_path: Path) -> None:
    dark = [np.full((48, 64, 3), 30, np.uint8)] * 5
    summary = analyse_video(film(tmp_path / "a.avi", dark), tmp_path / "out", job())
    assert (summary["faces"], summary["frames_without_face"]) == (0, 5)
    assert summary["notes"] == ["No face was found in any frame."]
    result = Result(tmp_path / "out")
    assert (result.tracks(), result.shares(), result.timeline(1), result.rows()) == ([], {}, [], [])


def test_a_model_that_fails_ends_the_work_in_a_sentence(tmp_path: Path) -> None:
    broken = Still()
    broken.error = RuntimeError("out of sorts")
    with pytest.raises(ModelError, match=r"At 0\.00 s: The classifier failed: RuntimeError: out of sorts"):
        analyse_video(film(tmp_path / "a.mp4", moving(5)), tmp_path / "out", job(broken))


def test_stopped_in_the_middle_keeps_what_was_done(tmp_path: Path) -> None:
    def stop(done: int, _total: int) -> None:
        if done == 20:
            raise SystemExit(143)

    with pytest.raises(SystemExit):
        analyse_video(film(tmp_path / "a.mp4", moving(40)), tmp_path / "out", job(progress=stop))
    result = Result(tmp_path / "out")
    assert (result.summary["complete"], result.summary["frames"]) == (False, 20)
    assert len(result.rows()) == 20
    assert len(list(Film(tmp_path / "out" / "annotated.webm").frames())) == 20


def test_an_earlier_result_does_not_pass_for_that_of_a_bad_file(tmp_path: Path) -> None:
    analyse_video(film(tmp_path / "a.mp4", moving(3)), tmp_path / "out", job())
    bad = tmp_path / "bad.mkv"
    bad.write_bytes(b"\x1aE\xdf\xa3" + bytes(1000))
    with pytest.raises(VideoError):
        analyse_video(bad, tmp_path / "out", job())
    assert not (tmp_path / "out" / "summary.json").exists() or Result(tmp_path / "out").summary["source"] == "a.mp4"


def test_results_by_track(tmp_path: Path) -> None:
    analyse_video(film(tmp_path / "a.mp4", moving(60)), tmp_path / "out", job(annotated=False))
    result = Result(tmp_path / "out")
    (track,) = result.tracks()
    shown = [row["shown"] for row in rows(tmp_path / "out")]
    most = max(set(shown), key=shown.count)
    assert track["track"] == 1
    assert (track["start_s"], track["frames"], track["shown"]) == (0.0, 60, most)
    assert track["end_s"] == pytest.approx(59 * 0.04)
    assert track["share"] == pytest.approx(shown.count(most) / 60)
    assert result.shares() == pytest.approx({name: shown.count(name) / 60 for name in set(shown)})
    assert [row["frame"] for row in result.timeline(1, 25)] == [*range(0, 60, 3), 59]
    assert result.timeline(2) == []


def test_memory_is_flat_with_length(tmp_path: Path) -> None:
    def peak(n: int) -> int:
        path = film(tmp_path / f"{n}.avi", moving(60) * (n // 60), codec="mjpeg")
        tracemalloc.start()
        analyse_video(path, tmp_path / "out", job(Still(), annotated=False))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(60)  # imports
    assert peak(600) - peak(60) < 2_000_000  # 540 frames kept would be 124 MB
