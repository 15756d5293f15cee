"""Reports that are kept in the workspace, for the page to show without computing anything again."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_core.errors import DataError
from fer_core.explain.members import layer_title
from fer_core.regions.masks import REGIONS
from fer_core.regions.report import RegionReport
from fer_core.workspace import workspace

USUAL_POINTS = "network"
_REPORT, _FACES = "report.json", "faces.npz"


@dataclass(frozen=True, eq=False)
class Kept:
    """One kept report.

    Attributes:
        folder: where it lies.
        told: as `RegionReport.as_json`, and `data`, `split`, `checkpoint` and `points`.
    """

    folder: Path
    told: Mapping[str, Any]

    @property
    def title(self) -> str:
        """Split, model, method and layer, and what was asked for in place of the usual."""
        told = self.told
        parts = [str(told["split"]), str(told["model"]), f"{told['method']} at {layer_title(told['layer'])}"]
        if told.get("explained") == "label":  # reports of earlier versions explain the predicted class
            parts.append("explaining the label")
        if told.get("points", USUAL_POINTS) != USUAL_POINTS:
            parts.append(f"points from {told['points']}")
        return ", ".join(parts)

    def faces(self) -> dict[str, NDArray[Any]]:
        """What is known of each face and of each class.

        Returns:
            `share` (N, 8), `area` (N, 8), `labels` (N,), `predicted` (N,), `sample_ids` (N,), `mean_maps` (K, S, S),
            `mean_faces` (K, S, S) and `classes` (K,); see `Attribution`.

        Raises:
            DataError: the file is damaged.
        """
        try:
            with np.load(self.folder / _FACES, allow_pickle=False) as stored:
                return dict(stored)
        except (OSError, ValueError, EOFError) as error:
            raise DataError(f"{self.folder / _FACES} cannot be read ({error}); make the report again.") from error


def keep(report: RegionReport, data: str, split: str, checkpoint: str, points: str = USUAL_POINTS) -> Path:
    """Writes a report into the workspace; one of the same question is replaced.

    Args:
        report: what was measured.
        data: name of the data set.
        split: of it.
        checkpoint: name or folder.
        points: name of the source that was asked for; see `named_sources`.

    Returns:
        Its folder.
    """
    found = report.attribution
    asked = {"data": data, "split": split, "checkpoint": checkpoint, "points": points}
    unusual = [word for word, usual in ((found.explained, "predicted"), (points, USUAL_POINTS)) if word != usual]
    name = "-".join([*unusual, data, split, checkpoint, found.method, found.layer])
    folder = _home() / re.sub(r"[^A-Za-z0-9._-]+", "_", name)[:200]
    folder.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        folder / _FACES,
        share=found.share.astype(np.float32), area=found.area.astype(np.float32), labels=found.labels,
        predicted=found.predicted, sample_ids=np.array(found.sample_ids, np.str_), mean_maps=found.mean_maps,
        mean_faces=found.mean_faces, classes=np.array(found.classes, np.str_),
    )  # fmt: skip
    (folder / _REPORT).write_text(json.dumps({**asked, **report.as_json()}), encoding="utf-8")
    return folder


def kept_reports(data: str) -> list[Kept]:
    """The kept reports on a data set, the newest first; a damaged one is left out."""
    found = []
    for file in sorted(_home().glob(f"*/{_REPORT}"), key=lambda f: f.stat().st_mtime, reverse=True):
        try:
            told = json.loads(file.read_text(encoding="utf-8"))
        except ValueError:
            continue
        if told.get("data") == data:
            found.append(Kept(file.parent, told))
    return found


def _home() -> Path:
    return workspace() / "regions"


def by_share(faces: Mapping[str, NDArray[Any]], label: str, region: str) -> NDArray[np.int64]:
    """Rows of the faces of a class, those first whose map has the largest share in a region; without evidence: none."""
    share = faces["share"][:, REGIONS.index(region)]
    own = np.flatnonzero((faces["labels"] == list(faces["classes"]).index(label)) & np.isfinite(share))
    return own[np.argsort(-share[own], kind="stable")]


def extremes(order: Sequence[int], most: int) -> tuple[list[int], list[int]]:
    """The first and, from the end, the last of an order: at most so many each, and none in both."""
    few = (len(order) + 1) // 2
    return list(order[:few][:most]), list(order[few:][::-1][:most])


def by_deviance(faces: Mapping[str, NDArray[Any]], label: str) -> NDArray[np.int64]:
    """Rows of the faces of a class, the most typical map first: by the distance of its shares from the class's mean.

    The distance is half the sum of absolute differences: how much of the map would have to move (total variation).
    """
    own = np.flatnonzero((faces["labels"] == list(faces["classes"]).index(label)) & np.isfinite(faces["share"][:, 0]))
    share = faces["share"][own]
    apart = np.abs(share - share.mean(0)).sum(1) / 2 if len(own) else np.empty(0)
    return own[np.argsort(apart, kind="stable")]
