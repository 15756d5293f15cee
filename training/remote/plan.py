"""What travels to the cluster: the product's code, and what is to be done with it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from training.remote.place import Cluster

PLAN = "plan.json"
_ROOT = Path(__file__).resolve().parents[2]
_TRAVELS = ("fer_core", "training", "checkpoints")  # the last holds teachers, and what runs go on from


class Plan(BaseModel):
    """A run for the cluster.

    Attributes:
        recipe: its values.
        data: name of a data set in the workspace, or a path that the cluster sees as well.
        labels: as `Order`.
        tags: as `Order`.
        run: name of the run.
        keep_every: as `Order`.
        home: path of the workspace.
        word: what the cluster finds in the run's folder if it sees the same disk.
        cluster: where.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    recipe: dict[str, Any]
    data: str
    labels: str | None = None
    tags: tuple[str, ...] = ()
    run: str
    keep_every: int = 500
    home: str
    word: str
    cluster: Cluster

    @property
    def folder(self) -> Path:
        """The run's."""
        return Path(self.home) / "runs" / self.run

    @property
    def checkpoint_folder(self) -> Path:
        """Where its checkpoint goes."""
        return Path(self.home) / "checkpoints" / self.run


def pack(plan: Plan, folder: Path) -> None:
    """Fills a folder, not there yet, with the code and the plan; Ray uploads it, about 10 MB."""
    folder.mkdir(parents=True)
    for name in _TRAVELS:
        shutil.copytree(_ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.onnx"))
    (folder / PLAN).write_text(plan.model_dump_json(), encoding="utf-8")
