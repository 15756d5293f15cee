"""`python -m fer_core`: figures on standard output, everything else on standard error, mistakes as sentences."""

import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner, Result

from fer_core.__main__ import app
from fer_core.checkpoint import Checkpoint
from fer_core.cli import percent
from fer_core.data import SampleTable
from fer_core.evaluate.evaluation import evaluate
from fer_core.explain import get_explainer, methods
from fer_core.faces import crop_face, get_detector
from fer_core.labels import FER7
from fer_core.predict import Predictor
from fer_core.sample import sample_photograph

Make = Callable[..., Checkpoint]
ROOT = Path(__file__).parents[2]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments])


def said(result: Result, status: int = 0) -> Any:
    """What a command printed as JSON; the whole of standard output must be it."""
    assert result.exit_code == status, result.output
    return json.loads(result.stdout)


@pytest.fixture
def checkpoint(make_checkpoint: Make, home: Path) -> Checkpoint:
    """A checkpoint `mine` in the workspace."""
    return make_checkpoint(home / "checkpoints" / "mine", flip=True, summary="made of chance")


@pytest.fixture(scope="module")
def astronaut() -> np.ndarray:
    """The crop of the face in the photograph that comes with FERScope."""
    photograph = sample_photograph()
    (face,) = get_detector().detect(photograph)
    return crop_face(photograph, face, margin=0.0, shift_y=0.0, align=True)


def write(path: Path, picture: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), picture[..., ::-1])
    return path


def test_predict_says_what_the_predictor_says(checkpoint: Checkpoint, astronaut: np.ndarray) -> None:
    (row,) = said(run("predict", "--sample", "--checkpoint", "mine", "--json"))
    assert row["image"] == "astronaut (NASA, public domain)"
    (face,) = row["faces"]
    x, y, width, height = face["box"]
    assert 150 < x < 200 < x + width < 300  # Eileen Collins looks out of the upper left of the middle
    assert 30 < y < 100 < y + height < 230
    expected = Predictor(checkpoint).probabilities([astronaut])[0]
    assert face["probabilities"] == pytest.approx(dict(zip(FER7.names, expected, strict=True)), abs=1e-5)
    assert face["label"] == FER7.names[int(expected.argmax())]


def test_predict_in_words(checkpoint: Checkpoint, astronaut: np.ndarray, tmp_path: Path) -> None:
    nobody = write(tmp_path / "nobody.png", np.full((200, 200, 3), 90, np.uint8))
    result = run("predict", "--sample", nobody, "--checkpoint", "mine")
    assert result.exit_code == 0
    first, second = result.stdout.splitlines()
    expected = Predictor(checkpoint).probabilities([astronaut])[0]
    assert f"{FER7.names[int(expected.argmax())]} {100 * expected.max():.1f} %" in first
    assert second == f"{nobody}: no face found"


@pytest.mark.usefixtures("checkpoint")
def test_one_bad_picture_does_not_stop_the_others(tmp_path: Path) -> None:
    (tmp_path / "bad.jpg").write_bytes(b"\xff\xd8\xff nonsense")
    good = write(tmp_path / "good.png", sample_photograph())
    result = run("predict", tmp_path / "bad.jpg", good, tmp_path / "gone.png", "--checkpoint", "mine", "--json")
    bad, fine, gone = said(result, status=2)
    assert "bad.jpg" in bad["error"]
    assert bad["faces"] == gone["faces"] == []
    assert "gone.png" in gone["error"]
    assert len(fine["faces"]) == 1
    assert "error" not in fine


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["predict"], "No picture was given; name one or more files, or use --sample."),
        (
            ["predict", "--sample", "--checkpoint", "other"],
            "There is no checkpoint 'other'; on this machine there are:",
        ),
        (["predict", "--sample", "--checkpoint", "mine", "--detector", "x"], "There is no face detector 'x'; choose"),
        (["explain", "--sample", "--checkpoint", "mine", "--out", "o", "--method", "x"], "'x'"),
        (["explain", "--sample", "--checkpoint", "mine", "--out", "o", "--class", "bored"], "no class 'bored'"),
        (["explain", "--sample", "--checkpoint", "mine", "--out", "o", "--layer", "x"], "'x'"),
        (["evaluate", "--checkpoint", "mine", "--data", "gone.csv", "--split", "test"], "gone.csv"),
    ],
)
@pytest.mark.usefixtures("checkpoint")
def test_mistakes_are_sentences_on_standard_error(
    arguments: list[str], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(*arguments, "--json")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert sentence in result.stderr
    assert result.stderr.rstrip().endswith(".")
    assert "Traceback" not in result.output


@pytest.mark.usefixtures("checkpoint")
def test_what_is_no_command_is_refused() -> None:
    assert run("predcit").exit_code == 2
    assert run("predict", "--smaple").exit_code == 2
    assert run("explain", "--sample").exit_code == 2  # --out is missing
    assert "predict" in run("--help").stdout


def test_explain_writes_what_the_explainer_says(checkpoint: Checkpoint, astronaut: np.ndarray, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "maps"
    (row,) = said(run("explain", "--sample", "--checkpoint", "mine", "--out", out, "--class", "Happiness", "--json"))
    (face,) = row["faces"]
    names = {kind: f"astronaut-1-gradcam-happy{suffix}" for kind, suffix in PARTS.items()}
    assert {kind: Path(face[kind]).name for kind in names} == names
    assert sorted(p.name for p in out.iterdir()) == sorted(names.values())
    expected = get_explainer("mine").explain(astronaut, target="happy")
    np.testing.assert_allclose(np.load(out / names["raw"], allow_pickle=False), expected.raw, rtol=1e-4, atol=1e-6)
    picture = cv2.imread(str(out / names["overlay"]))
    assert picture.shape == (384, 384, 3)
    assert picture.std() > 10
    details = json.loads((out / names["json"]).read_text())
    assert details["weights_sha256"] == checkpoint.card.weights_sha256
    assert details["checkpoint"] == "mine"
    assert face["logit"] == pytest.approx(expected.logit, rel=1e-4)
    assert face["map_hw"] == list(expected.raw.shape)


PARTS = {"overlay": ".png", "raw": ".npy", "json": ".json"}


def test_explain_why_one_and_not_another(checkpoint: Checkpoint, astronaut: np.ndarray, tmp_path: Path) -> None:
    options = ("--method", "hirescam", "--class", "happy", "--versus", "sad")
    result = run("explain", "--sample", "--checkpoint", "mine", "--out", tmp_path / "o", *options)
    assert result.exit_code == 0
    logits = Predictor(checkpoint).logits([astronaut])[0, 0]
    details = json.loads((tmp_path / "o" / "astronaut-1-hirescam-happy-versus-sad.json").read_text())
    assert details["logit"] == pytest.approx(logits[3] - logits[4], rel=1e-3)
    assert str(tmp_path / "o" / "astronaut-1-hirescam-happy-versus-sad.png") in result.stdout


@pytest.mark.usefixtures("checkpoint")
def test_pictures_of_one_name_do_not_overwrite_each_other(tmp_path: Path) -> None:
    mirrored = np.ascontiguousarray(sample_photograph()[:, ::-1])
    pictures = [
        write(tmp_path / "a" / "face.png", sample_photograph()),
        write(tmp_path / "b" / "face.png", mirrored),
        write(tmp_path / "c" / "my face 1.png", sample_photograph()),
        write(tmp_path / "c" / "my face 2.png", sample_photograph()),
        write(tmp_path / "d" / "face-2.png", sample_photograph()),
    ]
    result = run("explain", *pictures, "--checkpoint", "mine", "--out", tmp_path / "o", "--class", "happy", "--json")
    rows = said(result)
    assert [row["image"] for row in rows] == [str(p) for p in pictures]
    written = [face[kind] for row in rows for face in row["faces"] for kind in PARTS]
    assert len(written) == len(set(written)) == 15
    assert all(Path(file).is_file() for file in written)
    names = [Path(row["faces"][0]["json"]).stem.removesuffix("-1-gradcam-happy") for row in rows]
    assert names == ["face", "face-2", "my face 1", "my face 2", "face-2-2"]


@pytest.mark.usefixtures("checkpoint")
def test_explain_goes_on_after_a_bad_picture(tmp_path: Path) -> None:
    nobody = write(tmp_path / "nobody.png", np.full((200, 200, 3), 90, np.uint8))
    result = run("explain", tmp_path / "gone.png", nobody, "--checkpoint", "mine", "--out", tmp_path / "o", "--json")
    gone, none = said(result, status=2)
    assert "gone.png" in gone["error"]
    assert none == {"image": str(nobody), "faces": []}
    assert not (tmp_path / "o").exists()


def test_evaluate_gives_the_scores(checkpoint: Checkpoint, drawn: SampleTable, tmp_path: Path) -> None:
    twin = drawn.split("validation").table.slice(5, 1).set_column(0, "sample_id", pa.array(["twin"]))
    twin = twin.set_column(5, "split", pa.array(["train"]))
    samples = dataclasses.replace(drawn, table=pa.concat_tables([drawn.table, twin.cast(drawn.table.schema)]))
    samples.save(tmp_path / "drawn.parquet")
    arguments = ("evaluate", "--checkpoint", "mine", "--data", tmp_path / "drawn.parquet", "--split", "PublicTest")
    result = run(*arguments, "--json")
    predictor = Predictor(checkpoint)
    expected = evaluate(predictor, samples.split("validation"), train=samples.split("train"))
    figures = said(result)
    by = {"precision": "float32", "backend": "PyTorch"}
    assert figures == json.loads(json.dumps(expected.as_json())) | {"labels": "given", "left_out": {}, **by}
    assert (figures["n"], figures["twins_in_train"], figures["deduplicated"]["n"]) == (56, 1, 55)
    assert {"accuracy", "accuracy_interval", "balanced_accuracy", "macro_f1", "log_loss", "ece"} < set(figures)
    assert {"classes", "per_class", "confusion"} < set(figures)
    assert "faces 56 of 56" in result.stderr
    words = run(*arguments)
    assert words.stdout.strip() == expected.as_text()
    assert words.stdout.startswith("n = 56; top-1 ")


@pytest.mark.usefixtures("checkpoint")
def test_evaluate_says_nothing_of_twins_where_there_are_none_to_look_for(drawn: SampleTable, tmp_path: Path) -> None:
    """On the train split itself, and in a data set without one."""
    drawn.save(tmp_path / "drawn.parquet")
    drawn.split("test").save(tmp_path / "test.parquet")
    for file, split in (("drawn", "Training"), ("test", "test")):
        data = tmp_path / f"{file}.parquet"
        figures = said(run("evaluate", "--checkpoint", "mine", "--data", data, "--split", split, "--json"))
        assert (figures["twins_in_train"], figures["deduplicated"]) == (None, None)


@pytest.mark.usefixtures("checkpoint")
def test_evaluate_names_the_splits_there_are(few: SampleTable, tmp_path: Path) -> None:
    few.save(tmp_path / "few.parquet")
    result = run("evaluate", "--checkpoint", "mine", "--data", tmp_path / "few.parquet", "--split", "test")
    assert result.exit_code == 2
    assert "Splits with samples: train (28 samples), validation (14 samples)" in result.stderr


def test_models_are_listed_with_their_parameters(checkpoint: Checkpoint) -> None:
    found = said(run("models", "--json"))
    count = {a["name"]: a["parameters"] for a in found["architectures"]}
    assert count["vggnet-670k"] == 668_583
    assert count["resnet50-partial"] == 23_508_032 + 2048 * 7 + 7
    (mine,) = [c for c in found["checkpoints"] if c["name"] == "mine"]
    assert mine == {
        "name": "mine",
        "parameters": checkpoint.card.parameters,
        "summary": "made of chance",
        "folder": str(checkpoint.folder),
    }
    assert [m["name"] for m in found["methods"]] == [m.name for m in methods()]
    words = run("models").stdout
    assert "668,583" in words
    assert "made of chance" in words


@pytest.mark.parametrize(
    ("value", "interval", "shown"),
    [
        (0.684, (0.669, 0.699), "68.4 % [66.9, 69.9]"),
        (0.684, None, "68.4 %"),
        (None, (None, None), "n/a"),
        (1.0, (0.9641, 1.0), "100.0 % [96.4, 100.0]"),
        (0.0, (None, None), "0.0 %"),
    ],
)
def test_rates_in_words(value: float | None, interval: tuple[float | None, float | None] | None, shown: str) -> None:
    assert percent(value, interval) == shown


@pytest.mark.usefixtures("checkpoint")
def test_as_a_process(tmp_path: Path) -> None:
    """Exit status and both streams as a shell sees them."""
    command = [sys.executable, "-m", "fer_core", "predict", str(tmp_path / "gone.png"), "--sample", "--json"]
    done = subprocess.run(
        [*command, "--checkpoint", "mine"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 2
    rows = json.loads(done.stdout)
    assert ["error" in row for row in rows] == [False, True]
    assert len(rows[0]["faces"]) == 1
    assert "Traceback" not in done.stderr
