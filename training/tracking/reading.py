"""What pages ask of the recorded runs: which there are, and their curves.

A local store is read as the SQLite file that it is, within milliseconds; MLflow itself, which takes seconds to load, is
asked only where the store is a server or another database.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fer_core.errors import UnavailableError
from training.tracking.store import ask_briefly, experiment_name, local_file, tracking_uri

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

Curves = dict[str, dict[str, list[tuple[float, float]]]]

WITHIN = "steps/"  # begins the names of curves that have points within epochs
_WAIT_S = 5.0
_MOST = 50_000  # points of a curve that a server is asked for


@dataclass(frozen=True)
class RecordedRun:
    """A run as it is recorded.

    Attributes:
        run_id: MLflow's name for it.
        name: ours: that of its folder.
        status: `RUNNING`, `FINISHED`, `FAILED` or `KILLED`. One whose machine was switched off is still called running
            here; the table of jobs knows better.
        began: seconds since 1970.
        ended: the same; None while it runs.
        artifacts: address of its files.
        metrics: the latest value of each curve.
        params: the recipe, flattened.
        tags: data and their hashes, commit, machine, and MLflow's own.
    """

    run_id: str
    name: str
    status: str
    began: float
    ended: float | None
    artifacts: str
    metrics: dict[str, float] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


def runs(at_most: int = 500) -> list[RecordedRun]:
    """The recorded runs, the newest first; empty where nothing was recorded yet.

    Raises:
        UnavailableError: the store does not answer.
    """
    file = local_file()
    if file is None:
        return _runs_of_server(at_most)
    with _opened(file) as db:
        return [] if db is None else _runs_of_file(db, at_most)


def curves(run_ids: Sequence[str]) -> Curves:
    """Curves of runs by run and by name: (epoch, value), ordered by epoch, one value for each.

    Names that begin with `steps/` are of training within epochs, and the epoch is a fraction. Those that begin with
    `system/` are the machine's load, by the number of the measurement. A run that is not recorded has no curves.

    Raises:
        UnavailableError: the store does not answer.
    """
    file = local_file()
    if file is None:
        return _curves_of_server(run_ids)
    found: Curves = {run_id: {} for run_id in run_ids}
    with _opened(file) as db:
        for run_id in run_ids:
            if db is None:
                break
            rows = db.execute(
                "select key, step, case when is_nan then null else value end from metrics where run_uuid = ? "
                "order by key, step, timestamp",
                (run_id,),
            )
            for name, step, value in rows:
                _append(found[run_id].setdefault(name, []), step, value)
    return {run_id: _over_epochs(curves) for run_id, curves in found.items()}


def _over_epochs(curves: dict[str, list[tuple[float, float]]]) -> dict[str, list[tuple[float, float]]]:
    """Curves within epochs by the epoch, which is recorded as one of them by the step, as they all are."""
    epochs = dict(curves.pop(f"{WITHIN}epoch", []))
    for name, curve in curves.items():
        if name.startswith(WITHIN):
            curves[name] = [(epochs[step], value) for step, value in curve if step in epochs]
    return curves


def _append(curve: list[tuple[float, float]], step: int, value: float | None) -> None:
    """A point more; of several values of one epoch the last one counts."""
    point = (step, float("nan") if value is None else value)
    if curve and curve[-1][0] == step:
        curve[-1] = point
    else:
        curve.append(point)


@contextmanager
def _opened(file: Path) -> Iterator[sqlite3.Connection | None]:
    """The store, for reading; None if there is none yet."""
    if not file.exists():
        yield None
        return
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, timeout=_WAIT_S)) as db:
            ready = db.execute("select 1 from sqlite_master where name = 'latest_metrics'").fetchone()
            yield db if ready else None
    except sqlite3.DatabaseError as error:
        raise UnavailableError(
            f"The recorded runs ({file}) cannot be read: {error}. If another program has the file open, close it; if "
            "the file is damaged, move it away. Runs in their folders are not affected."
        ) from error


def _runs_of_file(db: sqlite3.Connection, at_most: int) -> list[RecordedRun]:
    rows = db.execute(
        "select run_uuid, runs.name, status, start_time, end_time, artifact_uri from runs "
        "join experiments on runs.experiment_id = experiments.experiment_id "
        "where experiments.name = ? and runs.lifecycle_stage = 'active' "
        "order by start_time desc, run_uuid limit ?",
        (experiment_name(), at_most),
    ).fetchall()
    found = {
        run_id: RecordedRun(run_id, name, status, began / 1000, _ended(status, ended), artifacts)
        for run_id, name, status, began, ended, artifacts in rows
    }
    metrics = db.execute("select run_uuid, key, case when is_nan then null else value end from latest_metrics")
    for run_id, key, value in metrics:
        if run_id in found:
            found[run_id].metrics[key] = float("nan") if value is None else value
    for run_id, key, text in db.execute("select run_uuid, key, value from params"):
        if run_id in found:
            found[run_id].params[key] = text
    for run_id, key, text in db.execute("select run_uuid, key, value from tags"):
        if run_id in found:
            found[run_id].tags[key] = text
    return list(found.values())


def _ended(status: str, at_ms: int | None) -> float | None:
    """Of a run that goes on MLflow still has the end before."""
    return None if status == "RUNNING" or at_ms is None else at_ms / 1000


def _runs_of_server(at_most: int) -> list[RecordedRun]:
    with _asking() as client:
        experiment = client.get_experiment_by_name(experiment_name())
        if experiment is None:
            return []
        answers = client.search_runs(
            [experiment.experiment_id], max_results=at_most, order_by=["attributes.start_time DESC"]
        )
        return [_of_mlflow(answer) for answer in answers]


def _of_mlflow(answer: Any) -> RecordedRun:
    info, data = answer.info, answer.data
    return RecordedRun(
        info.run_id,
        info.run_name,
        info.status,
        info.start_time / 1000,
        _ended(info.status, info.end_time),
        info.artifact_uri,
        dict(data.metrics),
        dict(data.params),
        dict(data.tags),
    )


def _curves_of_server(run_ids: Sequence[str]) -> Curves:
    found: Curves = {run_id: {} for run_id in run_ids}
    with _asking() as client:
        for run_id in run_ids:
            for name in client.get_run(run_id).data.metrics:
                points = client.get_metric_history(run_id, name)[:_MOST]
                curve: list[tuple[float, float]] = []
                for point in sorted(points, key=lambda p: (p.step, p.timestamp)):
                    _append(curve, point.step, point.value)
                found[run_id][name] = curve
    return {run_id: _over_epochs(curves) for run_id, curves in found.items()}


@contextmanager
def _asking() -> Iterator[MlflowClient]:
    ask_briefly()
    from mlflow.exceptions import MlflowException
    from mlflow.tracking import MlflowClient

    try:
        yield MlflowClient(tracking_uri())
    except (MlflowException, OSError) as error:
        raise UnavailableError(
            f"MLflow at {tracking_uri()} does not answer: {_reason(error)}. Check MLFLOW_TRACKING_URI and that the "
            "server runs."
        ) from error


def _reason(error: BaseException) -> str:
    """What the machine said where it could not be reached (`Connection refused`), else what MLflow says of it."""
    first: BaseException = error
    while cause := first.__cause__ or first.__context__:
        first = cause
    return (first.strerror if isinstance(first, OSError) else None) or str(error).splitlines()[0][:300].rstrip(".")
