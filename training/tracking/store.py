"""Where the runs are stored: MLflow's own variables name a server, or else it is a SQLite file in the workspace."""

from __future__ import annotations

import os
from pathlib import Path

from fer_core.workspace import workspace

_SQLITE = "sqlite:///"


def tracking_uri() -> str:
    """`MLFLOW_TRACKING_URI`, by default `mlflow.db` in the workspace."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"{_SQLITE}{workspace().resolve() / 'mlflow.db'}"


def experiment_name() -> str:
    """`MLFLOW_EXPERIMENT_NAME`, by default `FERScope`."""
    return os.environ.get("MLFLOW_EXPERIMENT_NAME") or "FERScope"


def artifact_location() -> str | None:
    """Where files of runs go: a folder beside a local file; None leaves it to the server."""
    file = local_file()
    return None if file is None else (file.parent / "mlartifacts").as_uri()


def ask_briefly() -> None:
    """A server that is away is told of within seconds; MLflow itself would go on asking for four minutes."""
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")


def local_file() -> Path | None:
    """The SQLite file, where it is one; it may not exist yet."""
    uri = tracking_uri()
    return Path(uri.removeprefix(_SQLITE)).resolve() if uri.startswith(_SQLITE) else None
