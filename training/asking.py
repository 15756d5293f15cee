"""Asks teachers about every face before the first step, which takes minutes where they are large."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from fer_core.checkpoint import open_checkpoint
from fer_core.data import SampleTable
from fer_core.predict import Predictor, get_predictor
from fer_core.whole import whole
from fer_core.workspace import workspace
from training.counting import counting
from training.distributed.group import ALONE, Group
from training.tracking.files import ASKING

BATCH = 256  # faces that a process asks about at once


def ask(
    teachers: Sequence[str],
    samples: SampleTable,
    classes: tuple[str, ...],
    folder: Path | None = None,
    group: Group = ALONE,
) -> torch.Tensor:
    """The mean probabilities of the teachers for each face.

    For a run, answers are kept in the workspace every few seconds and when the process is asked to end: who goes on
    asks about the remaining faces alone, and another run with these teachers about none. Several processes share the
    faces.

    Args:
        teachers: names of checkpoints that know all classes.
        samples: N samples.
        classes: K, in the order of the columns that come out; what a teacher says of others is left out.
        folder: the run's, which is there: how far it is stands in its `progress.json`, and on standard error. None: it
            is for no run; nothing is kept or told.
        group: the processes that ask together; all see the workspace, in which the first one writes.

    Returns:
        float32 (N, K), rows sum to 1; the same bits in each process.

    Raises:
        CheckpointError: a teacher is missing or broken.
    """
    n, file = len(samples), _file(teachers, samples, classes) if folder else None
    kept = _kept(file, len(classes))
    before = done = group.lowest(len(kept))  # not all may see the latest ones yet
    answers = np.zeros((n, len(classes)), dtype=np.float32)
    answers[:done] = kept[:done]
    if done == n:
        return torch.from_numpy(answers)
    predictors, faces = [get_predictor(name) for name in teachers], samples.faces()
    telling = counting(folder, ASKING, n, before) if folder and group.first else contextlib.nullcontext()
    with telling as count:

        def keep() -> None:
            if count and file and done > count.done:
                _keep(file, answers[:done])
                count.tell(done)

        try:
            for start in range(before, n, BATCH * group.world):
                batch = faces[start : start + BATCH * group.world]
                answers[start : start + len(batch)] = _shared(predictors, batch, classes, group)
                done = start + len(batch)
                if count and count.is_due():
                    keep()
        finally:  # whoever is asked to end leaves by an exception
            keep()
    return torch.from_numpy(answers)


def _shared(
    predictors: list[Predictor], faces: list[NDArray[np.uint8]], classes: tuple[str, ...], group: Group
) -> NDArray[np.float32]:
    """(N, K); each process asks about its share of the faces."""
    mine = group.share(len(faces))
    answers = torch.zeros(len(faces), len(classes))
    answers[mine] = _mean(predictors, faces[mine], classes)
    return group.total(answers).numpy()


def _mean(predictors: list[Predictor], faces: list[NDArray[np.uint8]], classes: tuple[str, ...]) -> torch.Tensor:
    found = []
    for predictor in predictors:
        columns = [predictor.classes.names.index(name) for name in classes]
        answers = torch.from_numpy(predictor.probabilities(faces)[:, columns]).float()
        found.append(answers / answers.sum(1, keepdim=True))
    return torch.stack(found).mean(0)


def _file(teachers: Sequence[str], samples: SampleTable, classes: tuple[str, ...]) -> Path:
    """Where their answers to these faces in this order are kept; all that they depend on makes the name."""
    cards = [open_checkpoint(name).card for name in teachers]
    how = [(card.weights_sha256, card.temperature, card.flip, card.preprocess.model_dump_json()) for card in cards]
    asked = json.dumps([how, classes, samples.table["sha256"].to_pylist()])
    return workspace() / "cache" / "teachers" / f"{hashlib.sha256(asked.encode()).hexdigest()[:32]}.npy"


def _kept(file: Path | None, k: int) -> NDArray[np.float32]:
    """(M, K) answers to the first M faces."""
    if file is None or not file.exists():
        return np.empty((0, k), dtype=np.float32)
    answers: NDArray[np.float32] = np.load(file, allow_pickle=False)
    return answers


def _keep(file: Path, answers: NDArray[np.float32]) -> None:
    if len(_kept(file, 0)) < len(answers):  # another run may have asked the same, and be further
        file.parent.mkdir(parents=True, exist_ok=True)
        with whole(file, f".{os.getpid()}") as scratch, scratch.open("wb") as stream:
            np.save(stream, answers)
