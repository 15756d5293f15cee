"""Seconds from pressing Train to the first step of the run, with the worker not yet there.

What the page's button does is called here: a worker is started, the recipe is checked, for which torch is loaded, the
job goes into the queue, the worker starts the job's process, which loads torch once more and the data and takes a step.
A teacher would answer every training face before that, which on FER2013 takes a minute more. Beside it, in turns, what
no run can go below: a bare `import torch, lightning`.

Goal: 10 s. Run: python -m benchmarks.first_step
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from statistics import median

from benchmarks.timing import Figure

ROUNDS = 3
PATIENCE_S = 120.0
WHAT = "pressing Train until the first step, worker included (`compact` without a teacher, 1,400 drawn faces)"
RECIPE, CHANGES = "compact", ["epochs=1", "target.teachers=[]", "target.vote_weight=0", "labels=given"]


def bare_s() -> float:
    """Seconds of a process that only imports."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import torch, lightning"], check=True)
    return time.perf_counter() - began


def first_step_s() -> float:
    """Seconds until the queue shows the first step of a job; the job is cancelled then.

    Only the first of a process loads torch for the check, as only the first of an app does.
    """
    from training.jobs.job import FitRequest
    from training.jobs.queue import Wishes, cancel, submit_fit
    from training.jobs.table import find
    from training.jobs.worker import alive, ensure_worker
    from training.recipe import load_recipe

    recipe = load_recipe(RECIPE, CHANGES)
    began = time.perf_counter()
    ensure_worker(idle_exit_s=5)
    job = submit_fit(recipe, FitRequest(data="drawn"), Wishes())
    try:
        while job.progress() is None:
            job = find(job.id)
            if job.status.over or time.perf_counter() - began > PATIENCE_S:
                raise SystemExit(f"No step was taken: {job.status}. {job.message}\n{job.log()}")
            time.sleep(0.02)
        return time.perf_counter() - began
    finally:
        cancel(job.id)
        while alive() is not None:  # the next round starts one of its own
            time.sleep(0.1)


def figures() -> list[Figure]:
    """Medians of rounds taken in turns."""
    alone = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), max_tasks_per_child=1)
    with tempfile.TemporaryDirectory() as folder, alone:
        os.environ["FERSCOPE_HOME"] = folder
        subprocess.run(
            [sys.executable, "-m", "fer_core", "data", "schematic", "--name", "drawn", "--subjects", "200"],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        ours, bare = [], []
        for _ in range(ROUNDS):
            bare.append(bare_s())
            ours.append(alone.submit(first_step_s).result())
    first, floor = median(ours), median(bare)
    text = f"{first:.1f} s, {first / floor:.1f} times `import torch, lightning`"
    return [Figure(WHAT, text, "10 s", first < 10)]


if __name__ == "__main__":
    print(*figures(), sep="\n")
