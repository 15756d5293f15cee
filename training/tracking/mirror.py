"""Brings MLflow up to what a run's folder says; may be called at any time and any number of times."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from filelock import FileLock
from mlflow.entities import Dataset, DatasetInput, Metric, Param, RunTag
from mlflow.tracking import MlflowClient

from training.tracking.facts import flattened, git_state, machine, packages
from training.tracking.files import HISTORY, LOAD, STEPS
from training.tracking.reading import WITHIN
from training.tracking.store import artifact_location, experiment_name, local_file, tracking_uri

NOTE = "mlflow.json"
_AT_ONCE = 100  # parameters in one call, and points of a few metrics each; MLflow's limits are 100 and 1,000


class Mirror:
    """One run in MLflow; a run that goes on in the same folder is the same one.

    Args:
        folder: the run's; `recipe.json` is in it.
        facts: what only the run's process knows, as tags: name of the data, device.
        began: when it did, in seconds since 1970.
    """

    def __init__(self, folder: Path, facts: dict[str, str], began: float) -> None:
        self.folder = folder
        self._began_ms = round(1000 * began)
        self.client = _client()
        self.note = self._read_note()
        if self.note.get("uri") != tracking_uri():
            self.note = {"uri": tracking_uri(), "epochs": 0, "loads": 0, "run_id": self._begin(facts)}
            self._write_note()
        else:
            self.client.update_run(self.run_id, status="RUNNING")

    @property
    def run_id(self) -> str:
        """MLflow's name for it."""
        return str(self.note["run_id"])

    def _begin(self, facts: dict[str, str]) -> str:
        recipe = json.loads((self.folder / "recipe.json").read_bytes())
        hashes = json.loads((self.folder / "data.json").read_bytes())
        tags = {
            "mlflow.source.type": "LOCAL",
            "mlflow.source.name": "python -m training fit",
            "ferscope.run_folder": str(self.folder),
            **{f"data_hash.{split}": str(hashes[split]) for split in ("train", "validation")},
            **git_state(), **machine(), **facts,
        }  # fmt: skip
        run = self.client.create_run(_experiment(self.client), self._began_ms, tags, self.folder.name)
        run_id = str(run.info.run_id)
        params = [Param(key, value[:6000]) for key, value in flattened(recipe).items()]
        for i in range(0, len(params), _AT_ONCE):
            self.client.log_batch(run_id, params=params[i : i + _AT_ONCE])
        source = json.dumps({"uri": facts.get("data", "")})
        data = Dataset(facts.get("data", "data")[:500], str(hashes["train"])[:36], "local", source)
        self.client.log_inputs(run_id, [DatasetInput(data)])
        self.client.log_text(run_id, packages(), "environment.txt")
        self.client.log_artifact(run_id, str(self.folder / "recipe.json"))
        return run_id

    def sync(self) -> None:
        """Adds the epochs, the points within them and the loads that are new."""
        rows = [row for row in _lines(self.folder / HISTORY) if row["epoch"] > self.note["epochs"]]
        now = round(1000 * time.time())
        for row in rows:
            epoch = int(row["epoch"])
            figures = [
                Metric(name, float(value), now, epoch) for name, value in row.items() if name not in {"epoch", "step"}
            ]
            self.client.log_batch(self.run_id, metrics=[*figures, Metric("step", float(row["step"]), now, epoch)])
            self.note["epochs"] = epoch
            self._write_note()
        self._sync_points()
        loads = _lines(self.folder / LOAD)
        for i in range(self.note["loads"], len(loads)):
            at = round(1000 * loads[i].pop("at"))
            self.client.log_batch(self.run_id, metrics=[Metric(k, float(v), at, i) for k, v in loads[i].items()])
            self.note["loads"] = i + 1
        self._write_note()

    def _sync_points(self) -> None:
        """Points within epochs, under names of their own, at their steps.

        Steps that a resumed run repeats are in the record already, and are not recorded again.
        """
        told = int(self.note.get("steps", 0))
        rows = [row for row in _lines(self.folder / STEPS) if row["step"] > told]
        now = round(1000 * time.time())
        for i in range(0, len(rows), _AT_ONCE):
            metrics = [
                Metric(f"{WITHIN}{name}", float(value), now, int(row["step"]))
                for row in rows[i : i + _AT_ONCE]
                for name, value in row.items()
                if name != "step"
            ]
            self.client.log_batch(self.run_id, metrics=metrics)
            self.note["steps"] = int(rows[i : i + _AT_ONCE][-1]["step"])
            self._write_note()

    def close(self, status: str, message: str, checkpoint: Path | None) -> None:
        """The run has ended.

        Args:
            status: one of MLflow's: `FINISHED`, `FAILED`, `KILLED`.
            message: why it failed; empty otherwise.
            checkpoint: folder of what came out: weights, card and, where there is one, the prediction table.
        """
        self.sync()
        if checkpoint is not None:
            self.client.log_artifacts(self.run_id, str(checkpoint), "checkpoint")
            self._log_result(checkpoint)
        for table in self.folder.glob("*.parquet"):
            self.client.log_artifact(self.run_id, str(table), "predictions")
        self.client.log_batch(self.run_id, tags=[RunTag("ferscope.message", message[:4000])])
        self.client.set_terminated(self.run_id, status)

    def _log_result(self, checkpoint: Path) -> None:
        """The figures in the card, measured on the checkpoint that came out."""
        card = json.loads((checkpoint / "card.json").read_bytes())
        now = round(1000 * time.time())
        figures = {
            f"checkpoint_{split}_{name}": value
            for split, scores in card.get("metrics", {}).items()
            for name, value in scores.items()
            if isinstance(value, int | float) and not isinstance(value, bool)
        }
        self.client.log_batch(
            self.run_id,
            metrics=[Metric(name, float(value), now, self.note["epochs"]) for name, value in figures.items()],
            tags=[RunTag("checkpoint.weights_sha256", str(card.get("weights_sha256", "")))],
        )

    def _read_note(self) -> dict[str, Any]:
        try:
            return dict(json.loads((self.folder / NOTE).read_bytes()))
        except (FileNotFoundError, ValueError):
            return {}

    def _write_note(self) -> None:
        scratch = self.folder / f".{NOTE}"
        scratch.write_text(json.dumps(self.note), encoding="utf-8")
        scratch.replace(self.folder / NOTE)


def _client() -> MlflowClient:
    """A client whose store is there; of several processes one makes it."""
    file = local_file()
    if file is None:
        return MlflowClient(tracking_uri())
    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{file}.lock"):
        return MlflowClient(tracking_uri())


def _experiment(client: MlflowClient) -> str:
    """Its number; made if it is not there."""
    file = local_file()
    if file is None:
        found = client.get_experiment_by_name(experiment_name())
        return str(found.experiment_id if found else client.create_experiment(experiment_name()))
    with FileLock(f"{file}.lock"):
        found = client.get_experiment_by_name(experiment_name())
        return str(found.experiment_id if found else client.create_experiment(experiment_name(), artifact_location()))


def _lines(file: Path) -> list[dict[str, Any]]:
    """The rows of a file of JSON lines; one that is only half written is left for the next time."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]
