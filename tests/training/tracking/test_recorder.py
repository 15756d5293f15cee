"""The process beside a run: how a run's end is told, whatever it was, and what happens without a store."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from fer_core.data import SampleTable
from tests.training.runs import history
from tests.training.tracking.folders import ROWS, append, checkpoint_folder, run_folder
from tests.waiting import PATIENCE_S, until
from training.recipe import Recipe
from training.tracking import reading, recorder
from training.tracking.load import measure
from training.tracking.recording import Recording

ROOT = Path(__file__).resolve().parents[3]


def test_ends_in_order_and_in_error(tmp_path: Path) -> None:
    """One store for both, as MLflow takes seconds to make one."""
    folder = run_folder(tmp_path / "good")
    with Recording(folder, checkpoint_folder(tmp_path / "checkpoint"), "drawn") as recording:
        recording.begin()
        append(folder / "history.jsonl", *ROWS)
    (good,) = reading.runs()  # it is recorded when the block has been left
    assert (good.status, good.metrics["val_accuracy"], good.tags["data"]) == ("FINISHED", 0.75, "drawn")
    assert good.metrics["system/process_memory_usage_megabytes"] > 10
    assert (Path(good.artifacts.removeprefix("file://")) / "checkpoint" / "card.json").exists()

    def fail(recording: Recording) -> None:
        with recording:
            recording.begin()
            raise ValueError("what went wrong")

    with pytest.raises(ValueError, match="what went wrong"):
        fail(Recording(run_folder(tmp_path / "bad"), tmp_path / "none", "drawn"))
    bad = reading.runs()[0]
    assert (bad.name, bad.status, bad.tags["ferscope.message"]) == ("bad", "FAILED", "what went wrong")


def test_a_run_that_never_began_is_not_recorded(tmp_path: Path, home: Path) -> None:
    with pytest.raises(ValueError, match="another"), Recording(tmp_path / "run", tmp_path / "none", "drawn"):
        raise ValueError("the folder holds another run")
    assert not home.exists()


def test_without_a_store_the_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is told of once, and given up after a while."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setattr(recorder, "TRIES_AT_END_S", 1.5)
    lines = [{"pid": os.getpid(), "began": 0.0, "facts": {}}, {"status": "FINISHED", "message": "", "checkpoint": None}]
    stream = io.StringIO("".join(json.dumps(line) + "\n" for line in lines))
    assert recorder.follow(run_folder(tmp_path / "run"), stream) == 1
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 2, said
    assert said[0].startswith("The run cannot be recorded in MLflow at http://127.0.0.1:9 for now: ")
    assert said[1] == "It was given up; what is in the run's folder is not affected."


def test_a_store_that_is_back_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Away while the run goes on, there again at its end: everything is recorded."""
    folder = run_folder(tmp_path / "run")
    append(folder / "history.jsonl", *ROWS)
    away = tmp_path / "away"
    away.write_text("a file where a folder is to be")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{away}/mlflow.db")
    one = recorder.Recorder(folder, {"pid": os.getpid(), "began": 0.0, "facts": {}})
    one.look()
    assert one.mirror is None
    away.unlink()
    assert one.end("FINISHED", "", None)
    (run,) = reading.runs()
    assert (run.status, run.metrics["val_accuracy"]) == ("FINISHED", 0.75)


@pytest.mark.slow
def test_a_load_that_cannot_be_noted_is_told_once_and_the_run_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "load.jsonl").mkdir()  # nothing can be added to that
    monkeypatch.setattr(recorder, "LOAD_EVERY_S", 0.0)
    one = recorder.Recorder(tmp_path, {"pid": os.getpid(), "began": 0.0, "facts": {}})
    tried: list[int] = []
    monkeypatch.setattr(one, "_try", lambda _act: tried.append(1) or True)
    one.look()
    one.look()
    assert len(tried) == 2
    assert capsys.readouterr().err.count("load of the machine cannot be noted") == 1


def test_a_run_of_the_command_line_killed_and_gone_on_with(
    few: SampleTable, tiny_recipe: Callable[..., Recipe], tmp_path: Path, home: Path
) -> None:
    few.save(tmp_path / "few.parquet")
    recipe = tiny_recipe(epochs=40, batch_size=4)
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(recipe.model_dump(mode="json")))
    command = [sys.executable, "-m", "training", "fit", str(tmp_path / "mine.yaml"), "--run", "mine"]
    command += ["--data", str(tmp_path / "few.parquet")]
    environment = {**os.environ, "FERSCOPE_HOME": str(home)}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    try:
        until((home / "runs" / "mine" / "history.jsonl").exists)
        process.send_signal(signal.SIGSTOP)  # or it might be over before it is recorded
        until(lambda: reading.runs() and reading.runs()[0].metrics.get("val_loss"))
    finally:
        process.kill()
        process.wait()
    killed = until(lambda: run if (run := reading.runs()[0]).status == "KILLED" else None)
    assert killed.tags["ferscope.message"] == "Its process was killed."

    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, timeout=PATIENCE_S)
    (run,) = reading.runs()
    assert (run.run_id, run.status, run.name) == (killed.run_id, "FINISHED", "mine")
    assert run.params["epochs"] == "40"
    assert json.loads(run.params["model.arguments.widths"]) == [8, 16, 16]
    rows = history(home / "runs" / "mine")
    curves = reading.curves([run.run_id])[run.run_id]
    for name in ("val_loss", "val_accuracy", "val_balanced_accuracy", "train_loss", "learning_rate"):
        assert curves[name] == [(row["epoch"], row[name]) for row in rows]
    assert len(rows) == 40


def test_load_of_the_machine() -> None:
    found = measure(os.getpid())
    assert 0 <= found["system/cpu_utilization_percentage"] <= 100
    with Path("/proc/meminfo").open() as file:
        total_kib = int(file.readline().split()[1])
    assert 0 < found["system/system_memory_usage_megabytes"] < total_kib * 1.024e-3
    assert found["system/process_memory_usage_megabytes"] > 10
    assert "system/process_memory_usage_megabytes" not in measure(2**22 + 1)


def test_the_load_of_a_busy_machine_is_told_at_the_first_look() -> None:
    """From whichever thread: a page's run has a new one, for which psutil by itself has nothing to compare with."""

    def told() -> float:
        with ThreadPoolExecutor(1) as other:
            return other.submit(measure, os.getpid()).result()["system/cpu_utilization_percentage"]

    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]
    try:
        until(lambda: told() > 50)
    finally:
        for process in busy:
            process.kill()
            process.wait()


def test_load_of_graphics_cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver's program stands in for the driver; of three cards two may be used, and one does not tell all."""
    program = tmp_path / "nvidia-smi"
    program.write_text(
        "#!/bin/sh\necho '0, GPU-aa, 90, 1000'\necho '1, GPU-bb, 50, 2000'\necho '2, GPU-cc, [N/A], 500'\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1,GPU-cc")
    found = {name: value for name, value in measure(os.getpid()).items() if "gpu" in name}
    assert found == {
        "system/gpu_0_utilization_percentage": 50.0,
        "system/gpu_0_memory_usage_megabytes": 2000 * 1.048576,
        "system/gpu_1_memory_usage_megabytes": 500 * 1.048576,
    }


def test_reading_and_jobs_are_light_to_import() -> None:
    heavy = ("torch", "lightning", "mlflow", "sqlalchemy", "pandas", "sklearn")
    code = (
        "import sys, training.tracking.reading, training.tracking.recording, training.jobs.queue\n"
        f"print([m for m in {heavy} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"
