"""Asks teachers about every face before the first step, which takes minutes where they are large."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from fer_core.data import SampleTable
from fer_core.predict import Predictor, get_predictor
from fer_core.whole import whole
from training.distributed.group import ALONE, Group
from training.progress import duration
from training.tracking.files import ANSWERS, PROGRESS

BATCH = 256  # faces that a process asks about at once
_KEEP_EVERY_S = 10.0


def ask(
    teachers: tuple[str, ...],
    samples: SampleTable,
    classes: tuple[str, ...],
    folder: Path | None = None,
    group: Group = ALONE,
) -> torch.Tensor:
    """The mean probabilities of the teachers for each face.

    Where there is a folder, answers are kept in it every few seconds and when the process is asked to end, so that who
    goes on asks about the remaining faces alone; how far it is stands in `progress.json` and on standard error.
    Several processes share the faces.

    Args:
        teachers: names of checkpoints that know all classes.
        samples: N samples.
        classes: K, in the order of the columns that come out; what a teacher says of others is left out.
        folder: a run's, which is known to have these teachers, see `training.run.claim`.
        group: the processes that ask together; all see the folder, in which the first one writes.

    Returns:
        float32 (N, K), rows sum to 1; the same bits in each process.
    """
    n, order = len(samples), _order(samples)
    kept = _kept(folder, order, len(classes))
    kept = kept[: group.lowest(len(kept))]  # not all may see the latest ones yet
    if len(kept) == n:
        return torch.from_numpy(kept)
    predictors = [get_predictor(name) for name in teachers]
    faces = samples.faces()
    answers = np.zeros((n, len(classes)), dtype=np.float32)
    answers[: len(kept)] = kept
    telling = _Telling(", ".join(teachers), n, len(kept)) if folder and group.first else None
    done = len(kept)
    try:
        for start in range(done, n, BATCH * group.world):
            batch = range(start, min(n, start + BATCH * group.world))
            mine = batch[group.share(len(batch))]
            share = torch.zeros(len(batch), len(classes))
            share[mine.start - start : mine.stop - start] = _mean(predictors, faces[mine.start : mine.stop], classes)
            answers[start : batch.stop] = group.total(share).numpy()
            done = batch.stop
            if telling and folder and telling.is_due():
                _keep(folder, order, answers[:done])
                telling.tell(folder, done)
    finally:  # whoever is asked to end leaves by an exception
        if telling and folder and done > telling.told:
            _keep(folder, order, answers[:done])
            telling.tell(folder, done)
    return torch.from_numpy(answers)


def _mean(predictors: list[Predictor], faces: list[NDArray[np.uint8]], classes: tuple[str, ...]) -> torch.Tensor:
    found = []
    for predictor in predictors:
        columns = [predictor.classes.names.index(name) for name in classes]
        answers = torch.from_numpy(predictor.probabilities(faces)[:, columns]).float()
        found.append(answers / answers.sum(1, keepdim=True))
    return torch.stack(found).mean(0)


def _order(samples: SampleTable) -> str:
    """Tells one row of pictures from another."""
    return hashlib.sha256("\n".join(samples.table["sha256"].to_pylist()).encode()).hexdigest()


def _kept(folder: Path | None, order: str, k: int) -> NDArray[np.float32]:
    """(M, K) answers to the first M faces; M is 0 where there are none to these faces in this order."""
    if folder is not None and (folder / ANSWERS).exists():
        with np.load(folder / ANSWERS, allow_pickle=False) as found:
            if str(found["order"]) == order:
                return np.asarray(found["answers"], dtype=np.float32)
    return np.empty((0, k), dtype=np.float32)


def _keep(folder: Path, order: str, answers: NDArray[np.float32]) -> None:
    with whole(folder / ANSWERS) as scratch, scratch.open("wb") as stream:
        np.savez(stream, order=np.array(order), answers=answers)


class _Telling:
    """How far it is, at once after the first batch and then every few seconds."""

    def __init__(self, who: str, total: int, kept: int) -> None:
        self.who = who
        self.total = total
        self.kept = kept
        self.told = kept
        self.began = time.monotonic()
        self._spoken = -_KEEP_EVERY_S

    def is_due(self) -> bool:
        return time.monotonic() - self._spoken >= _KEEP_EVERY_S

    def tell(self, folder: Path, done: int) -> None:
        self.told, self._spoken = done, time.monotonic()
        left_s = round((self._spoken - self.began) / (done - self.kept) * (self.total - done))
        with whole(folder / PROGRESS) as scratch:
            state = {"asking": True, "step": done, "steps": self.total, "seconds_left": left_s}
            scratch.write_text(json.dumps(state), encoding="utf-8")
        print(  # noqa: T201  (progress belongs on standard error)
            f"asking {self.who} about {self.total:,} faces: {done:,} done, {duration(left_s)} left",
            file=sys.stderr,
            flush=True,
        )
