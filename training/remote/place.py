"""Which cluster, and how much of it."""

from __future__ import annotations

import importlib.util
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field

from fer_core.errors import JobError, UnavailableError

NOTE, HOME, LEAVE, LEFT, TOLD = "ray.json", "home", "leave", "left", "told"


class Cluster(BaseModel):
    """A Ray cluster, and what a run gets of it.

    Attributes:
        address: of its dashboard, `http://HOST:8265`.
        workers: processes that share each batch.
        gpus: one graphics card for each of them; otherwise one processor.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    address: str
    workers: int = Field(1, ge=1)
    gpus: bool = False

    @property
    def words(self) -> str:
        """As a job says it."""
        each = "card" if self.gpus else "processor"
        return f"Ray at {urlsplit(self.address).netloc}, {self.workers} {each}{'s' if self.workers > 1 else ''}"


def is_installed() -> bool:
    """Whether Ray is on this machine; it is not loaded for that."""
    return importlib.util.find_spec("ray") is not None


def cluster_at(address: str, workers: int = 1, gpus: bool = False) -> Cluster:
    """The cluster of an address that a user gives.

    Raises:
        JobError: it is no address of a dashboard.
        UnavailableError: Ray is not installed on this machine.
    """
    address = address.strip().rstrip("/")
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    plain = parts.scheme in {"http", "https"} and parts.hostname and not (parts.path or parts.query or parts.fragment)
    if not plain or parts.username is not None or any(c.isspace() for c in address):
        raise JobError(
            f"{address.rpartition('@')[2][:100]!r} is not the address of a Ray cluster's dashboard, which is written "
            "http://HOST:8265 or https://HOST, without a path, a name or a password."
        )
    if not is_installed():
        raise UnavailableError("Ray is not installed on this machine; pip install -r requirements-ray.txt.")
    whole = address if port or parts.scheme == "https" else f"{address}:8265"
    return Cluster(address=whole, workers=workers, gpus=gpus)
