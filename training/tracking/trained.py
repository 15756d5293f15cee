"""The models that recorded runs brought forth: whether their checkpoint is here, and how often the test split was seen.

Looks are logged by the hash of the weights (`fer_core.evaluate.locked`), whoever had them. The record of a run is
brought up to that log by a process of its own, `python -m training.tracking.trained`, since MLflow takes seconds to
load.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fer_core.checkpoint import Checkpoint, list_checkpoints
from fer_core.evaluate.locked import looks
from fer_core.workspace import workspace
from training.tracking.reading import RecordedRun, runs
from training.tracking.store import tracking_uri

LOOKS = "test_looks"
_WEIGHTS = "checkpoint.weights_sha256"
_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class TrainedModel:
    """What a run brought forth.

    Attributes:
        run: its name.
        run_id: MLflow's name for it.
        weights_sha256: of its checkpoint.
        checkpoint: None where it has been deleted since, or lies on another machine.
        looks: how often its predictions on a test split were opened on this machine.
        recorded: how often that is according to its record.
        copy: address of the checkpoint's copy in the record.
    """

    run: str
    run_id: str
    weights_sha256: str
    checkpoint: Checkpoint | None
    looks: int
    recorded: int
    copy: str


def trained_models() -> list[TrainedModel]:
    """What the recorded runs brought forth, the newest first; runs without a checkpoint are left out.

    Raises:
        UnavailableError: the record does not answer.
        DataError: the log of looks is damaged.
    """
    known = {c.card.weights_sha256: c for c in list_checkpoints()}
    seen = looks()
    return [
        _model(run, known, sum(look.model_hash == run.tags[_WEIGHTS] for look in seen))
        for run in runs()
        if run.tags.get(_WEIGHTS)
    ]


def _model(run: RecordedRun, known: dict[str, Checkpoint], count: int) -> TrainedModel:
    sha256 = run.tags[_WEIGHTS]
    recorded = run.tags.get(LOOKS, "0")
    return TrainedModel(
        run.name, run.run_id, sha256, known.get(sha256), count, int(recorded) if recorded.isdecimal() else 0,
        f"{run.artifacts}/checkpoint",
    )  # fmt: skip


def record_looks() -> int:
    """Writes the number of looks to the record of each run of which it has another one; how many those were.

    Raises:
        UnavailableError: the record does not answer.
        DataError: the log of looks is damaged.
    """
    stale = [model for model in trained_models() if model.looks != model.recorded]
    if stale:
        from mlflow.tracking import MlflowClient

        client = MlflowClient(tracking_uri())
        for model in stale:
            client.set_tag(model.run_id, LOOKS, str(model.looks))
    return len(stale)


def start_recording(models: Sequence[TrainedModel]) -> bool:
    """Starts a process that calls `record_looks`, where a record is behind the log; whether it did."""
    if all(model.looks == model.recorded for model in models):
        return False
    subprocess.Popen(
        [sys.executable, "-m", "training.tracking.trained"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        cwd=_ROOT, env={**os.environ, "FERSCOPE_HOME": str(workspace().resolve()), "MLFLOW_DISABLE_TELEMETRY": "true"},
    )  # fmt: skip
    return True


if __name__ == "__main__":
    record_looks()
