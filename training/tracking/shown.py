"""Which runs there are to look at, and their curves: from their folders while they are there, else from the record."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fer_core.workspace import workspace
from training.tracking.files import HISTORY, STEPS
from training.tracking.reading import WITHIN, curves, runs

Curves = dict[str, list[tuple[float, float]]]

_NOT_CURVES = {"epoch", "step"}


@dataclass(frozen=True)
class ShownRun:
    """A run that has curves, or will have.

    Attributes:
        key: its name while its folder is there, otherwise MLflow's id of it.
        name: its name; several runs may have had it.
        at: when something was last written, or it ended; seconds since 1970.
        folder: None where only the record is left.
    """

    key: str
    name: str
    at: float
    folder: Path | None


def runs_here() -> list[ShownRun]:
    """The runs whose folders are here, the newest first; empty where there are none."""
    found = []
    for note in (workspace() / "runs").glob("*/recipe.json"):
        folder = note.parent
        files = [file for file in (note, folder / HISTORY, folder / STEPS) if file.exists()]
        at = max(file.stat().st_mtime for file in files[1:] or files)  # the note is written anew at each start
        found.append(ShownRun(folder.name, folder.name, at, folder))
    return sorted(found, key=lambda run: -run.at)


def runs_gone(here: Sequence[ShownRun]) -> list[ShownRun]:
    """The runs of which only the record is left, the newest first; empty where there are none.

    Args:
        here: what `runs_here` has found.

    Raises:
        UnavailableError: the record does not answer.
    """
    known = {_mlflow_id(run.folder) for run in here if run.folder is not None}
    left = [run for run in runs() if run.run_id not in known]
    return sorted(
        (ShownRun(run.run_id, run.name, run.ended or run.began, None) for run in left), key=lambda run: -run.at
    )


def _mlflow_id(folder: Path) -> str:
    try:
        return str(json.loads((folder / "mlflow.json").read_bytes())["run_id"])
    except (OSError, ValueError, KeyError):  # not recorded, or not yet
        return ""


def curves_of(chosen: Sequence[ShownRun]) -> dict[str, Curves]:
    """Curves by run's key and by name: (epoch, value), by epoch.

    A folder has each epoch at once, the record seconds later. Names that begin with `steps/` are of training within
    epochs, and the epoch is a fraction. A run that has measured nothing yet has no curves.

    Raises:
        UnavailableError: the record does not answer, and one of the runs is only there.
    """
    found = {run.key: _in_folder(run.folder) for run in chosen if run.folder is not None}
    gone = [run.key for run in chosen if run.folder is None]
    found |= curves(gone) if gone else {}
    return {run.key: found[run.key] for run in chosen}


def _in_folder(folder: Path) -> Curves:
    found: Curves = {}
    for file, prefix in ((HISTORY, ""), (STEPS, WITHIN)):
        for row in _rows(folder / file):
            for name, value in row.items():
                if name not in _NOT_CURVES:
                    found.setdefault(prefix + name, []).append((row["epoch"], float(value)))
    return found


def _rows(file: Path) -> list[dict[str, Any]]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in lines if line.endswith("\n")]  # none half written
