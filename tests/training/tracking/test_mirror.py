"""What is written to MLflow, as MLflow's own client and the pages' light reading find it."""

from __future__ import annotations

import math
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from fer_core.errors import UnavailableError
from tests.training.tracking.folders import LOAD, PARAMS, POINTS, ROWS, append, checkpoint_folder, run_folder
from training.tracking import reading
from training.tracking.facts import flattened
from training.tracking.store import tracking_uri

BEGAN = 1_700_000_000.0


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that the tests of this file share, since MLflow takes seconds to make one."""
    return tmp_path_factory.mktemp("store")


@pytest.fixture(autouse=True)
def use_it(store: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has an experiment of its own there."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{store / 'mlflow.db'}")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", request.node.name)
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")


def mirror(folder: Path) -> Any:
    from training.tracking.mirror import Mirror

    return Mirror(folder, {"data": "drawn", "device": "cpu"}, BEGAN)


def client() -> Any:
    from mlflow.tracking import MlflowClient

    return MlflowClient(tracking_uri())


def test_a_whole_run(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "my-run")
    one = mirror(folder)
    append(folder / "history.jsonl", *ROWS[:2])
    append(folder / "load.jsonl", LOAD[0])
    one.sync()
    (during,) = reading.runs()
    assert (during.status, during.metrics["val_accuracy"], during.ended) == ("RUNNING", 0.5, None)

    append(folder / "history.jsonl", ROWS[2])
    append(folder / "load.jsonl", LOAD[1])
    before = time.time()
    (folder / "predictions.parquet").write_bytes(b"table")
    one.close("FINISHED", "", checkpoint_folder(tmp_path / "checkpoint"))

    (run,) = reading.runs()
    assert (run.run_id, run.name, run.status, run.began) == (one.run_id, "my-run", "FINISHED", BEGAN)
    assert run.ended is not None
    assert before - 1 <= run.ended <= time.time()
    assert run.params == PARAMS
    assert run.metrics["val_accuracy"] == 0.75
    assert run.metrics["checkpoint_validation_accuracy"] == 0.75
    assert run.tags["data_hash.train"] == "t" * 64
    assert run.tags["data"] == "drawn"
    assert run.tags["checkpoint.weights_sha256"] == "abc"
    curves = reading.curves([run.run_id, "unknown"])
    assert curves["unknown"] == {}
    for name in ("val_accuracy", "val_balanced_accuracy", "val_loss", "learning_rate"):
        assert curves[run.run_id][name] == [(row["epoch"], row[name]) for row in ROWS]
    assert curves[run.run_id]["system/cpu_utilization_percentage"] == [(0, 40.0), (1, 80.0)]

    found = client().get_run(run.run_id)
    assert found.info.status == "FINISHED"
    assert found.info.run_name == "my-run"
    assert found.data.params == PARAMS
    assert found.data.metrics == run.metrics
    assert found.data.tags == run.tags
    (data,) = found.inputs.dataset_inputs
    assert (data.dataset.name, data.dataset.digest) == ("drawn", "t" * 36)
    history = client().get_metric_history(run.run_id, "val_loss")
    assert [(point.step, point.value) for point in history] == [(1, 1.5), (2, 1.0), (3, 0.5)]
    files = Path(run.artifacts.removeprefix("file://"))
    kept = sorted(str(file.relative_to(files)) for file in files.rglob("*") if file.is_file())
    assert kept == [
        "checkpoint/card.json", "checkpoint/model.safetensors", "environment.txt", "predictions/predictions.parquet",
        "recipe.json",
    ]  # fmt: skip
    assert "numpy==2.4.6\n" in (files / "environment.txt").read_text()
    listed = client().list_artifacts(run.run_id, "checkpoint")
    assert sorted(file.path for file in listed) == ["checkpoint/card.json", "checkpoint/model.safetensors"]


def test_a_run_that_goes_on_is_the_same_one(tmp_path: Path) -> None:
    """Epochs that are repeated after a resume, and lines half written, are not recorded twice."""
    folder = run_folder(tmp_path / "run")
    append(folder / "history.jsonl", *ROWS[:2])
    first = mirror(folder)
    first.sync()
    first.close("KILLED", "Its process was killed.", None)
    assert [(run.status, run.tags["ferscope.message"]) for run in reading.runs()] == [
        ("KILLED", "Its process was killed.")
    ]
    second = mirror(folder)
    assert second.run_id == first.run_id
    assert reading.runs()[0].status == "RUNNING"
    assert reading.runs()[0].ended is None
    with (folder / "history.jsonl").open("a") as stream:
        stream.write('{"epoch": 3, "st')
    second.sync()
    (folder / "history.jsonl").unlink()
    append(folder / "history.jsonl", *ROWS)
    second.sync()
    second.sync()
    points = client().get_metric_history(first.run_id, "val_accuracy")
    assert [(point.step, point.value) for point in points] == [(1, 0.25), (2, 0.5), (3, 0.75)]


def test_points_within_epochs_at_their_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that a resumed run writes again are recorded once; the pages read them by the epoch, from either store."""
    folder = run_folder(tmp_path / "run")
    append(folder / "steps.jsonl", *POINTS)
    mirror(folder).sync()
    (folder / "steps.jsonl").unlink()
    append(folder / "steps.jsonl", *POINTS, {**POINTS[1], "step": 12, "epoch": 1.5, "train_loss": 1.5})
    one = mirror(folder)
    one.sync()
    history = client().get_metric_history(one.run_id, "steps/train_loss")
    assert [(point.step, point.value) for point in history] == [(4, 2.0), (8, 1.75), (12, 1.5)]
    rates = client().get_metric_history(one.run_id, "steps/learning_rate")
    assert [(point.step, point.value) for point in rates] == [(4, 0.1), (8, 0.05), (12, 0.05)]
    expected = {
        "steps/train_loss": [(0.5, 2.0), (1.0, 1.75), (1.5, 1.5)],
        "steps/train_accuracy": [(0.5, 0.25), (1.0, 0.5), (1.5, 0.5)],
        "steps/learning_rate": [(0.5, 0.1), (1.0, 0.05), (1.5, 0.05)],
    }
    assert reading.curves([one.run_id])[one.run_id] == expected
    monkeypatch.setattr(reading, "local_file", lambda: None)
    assert reading.curves([one.run_id])[one.run_id] == expected


def test_more_points_than_one_call_takes(tmp_path: Path) -> None:
    """MLflow takes a thousand metrics at a time; a run of a day without a store has more."""
    folder = run_folder(tmp_path / "run")
    append(folder / "steps.jsonl", *({**POINTS[0], "step": i, "epoch": i / 8} for i in range(1, 402)))
    one = mirror(folder)
    one.sync()
    assert len(reading.curves([one.run_id])[one.run_id]["steps/train_loss"]) == 401
    assert one.note["steps"] == 401


def test_an_epoch_that_was_recorded_twice_is_shown_once(tmp_path: Path) -> None:
    """Killed between the store and its own note, it records an epoch again."""
    folder = run_folder(tmp_path / "run")
    append(folder / "history.jsonl", ROWS[0])
    one = mirror(folder)
    one.sync()
    one.note["epochs"] = 0
    time.sleep(0.01)
    one.sync()
    assert len(client().get_metric_history(one.run_id, "val_loss")) == 2
    assert reading.curves([one.run_id])[one.run_id]["val_loss"] == [(1, 1.5)]


def test_values_that_are_no_numbers(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run")
    append(folder / "history.jsonl", {"epoch": 1, "step": 7, "val_loss": float("nan")})
    one = mirror(folder)
    one.sync()
    ((_, value),) = reading.curves([one.run_id])[one.run_id]["val_loss"]
    assert math.isnan(value)
    assert math.isnan(reading.runs()[0].metrics["val_loss"])


def test_many_parameters_and_long_ones(tmp_path: Path) -> None:
    """MLflow takes a hundred at a time, of 6000 characters each."""
    import json

    folder = run_folder(tmp_path / "run")
    recipe = {f"key{i}": i for i in range(250)} | {"long": "x" * 7000}
    (folder / "recipe.json").write_text(json.dumps(recipe))
    mirror(folder)
    params = reading.runs()[0].params
    assert len(params) == 251
    assert params["key249"] == "249"
    assert params["long"] == "x" * 6000


def test_newest_first_and_no_more_than_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for i in (1, 2, 3):
        monkeypatch.setattr(f"{__name__}.BEGAN", BEGAN + i)
        mirror(run_folder(tmp_path / f"run{i}"))
    assert [run.name for run in reading.runs()] == ["run3", "run2", "run1"]
    assert [run.name for run in reading.runs(at_most=2)] == ["run3", "run2"]
    client().delete_run(reading.runs()[0].run_id)
    assert [run.name for run in reading.runs()] == ["run2", "run1"]


def test_the_same_from_a_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked of MLflow's client, where the store is no local file, is what is read from the file."""
    folder = run_folder(tmp_path / "run")
    append(folder / "history.jsonl", *ROWS)
    one = mirror(folder)
    one.sync()
    light, light_curves = reading.runs(), reading.curves([one.run_id])
    monkeypatch.setattr(reading, "local_file", lambda: None)
    assert reading.runs() == light
    assert reading.curves([one.run_id]) == light_curves


def test_reading_is_quick(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run")
    rows = [{"epoch": i, "step": i, "val_loss": 1 / i, "val_accuracy": 0.5} for i in range(1, 201)]
    one = mirror(folder)
    append(folder / "history.jsonl", rows[0])
    one.sync()
    file = tracking_uri().removeprefix("sqlite:///")
    with sqlite3.connect(file) as db:  # as many as a year's work
        db.executemany(
            "insert into metrics (key, value, timestamp, step, is_nan, run_uuid) values (?, ?, ?, ?, 0, ?)",
            [(name, row[name], i, row["epoch"], one.run_id) for i, row in enumerate(rows[1:], 1)
             for name in ("val_loss", "val_accuracy")],
        )  # fmt: skip
    db.close()
    spent_s = []
    for _ in range(3):
        before = time.perf_counter()
        found = reading.curves([one.run_id])[one.run_id]
        spent_s.append(time.perf_counter() - before)
    assert len(found["val_loss"]) == 200
    assert min(spent_s) < 0.1


def test_nothing_recorded_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'none.db'}")
    assert reading.runs() == []
    assert reading.curves(["x"]) == {"x": {}}
    sqlite3.connect(tmp_path / "none.db").execute("create table a (b)").connection.close()
    assert reading.runs() == []  # it is only just being made
    (tmp_path / "none.db").write_bytes(b"no database" * 1000)
    with pytest.raises(UnavailableError, match=r"cannot be read: file is not a database"):
        reading.runs()


@pytest.mark.parametrize(
    ("values", "flat"),
    [
        ({}, {"": "{}"}),
        ({"a": {}}, {"a": "{}"}),
        ({"a": None, "b": True, "c": 0.1}, {"a": "null", "b": "true", "c": "0.1"}),
        ({"a": {"b": [1, 2]}, "c": "text"}, {"a.b": "[1, 2]", "c": "text"}),
        ({"a": [{"b": 1}, {"b": {"c": 2}}]}, {"a.0.b": "1", "a.1.b.c": "2"}),
    ],
)
def test_flattened(values: Any, flat: dict[str, str]) -> None:
    assert flattened(values) == flat
