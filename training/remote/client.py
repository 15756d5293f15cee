"""Ray's own client for Ray Jobs, which does not wait for ever."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fer_core.errors import JobError, UnavailableError
from training.remote.place import Cluster

TIMEOUT_S = 15.0
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class GoneError(JobError):
    """The cluster does not answer."""


@dataclass(frozen=True)
class Stand:
    """How a submission stands: Ray's word for it, whether that is the end, and Ray's remark."""

    status: str
    over: bool
    message: str


class Client:
    """Submissions to one cluster.

    Args:
        cluster: where.

    Raises:
        GoneError: it does not answer.
        UnavailableError: Ray is not installed.
    """

    def __init__(self, cluster: Cluster) -> None:
        try:
            from ray.job_submission import JobSubmissionClient
        except ImportError as error:
            raise UnavailableError(
                "Ray is not installed on this machine; pip install -r requirements-ray.txt."
            ) from error

        class Impatient(JobSubmissionClient):  # type: ignore[misc]
            """With a limit for each request, which Ray's has not."""

            def _do_request(self, method: str, endpoint: str, **more: Any) -> Any:
                return super()._do_request(method, endpoint, timeout=TIMEOUT_S, **more)

        for name in ("RAY_ADDRESS", "RAY_API_SERVER_ADDRESS"):  # they would go before the address that was given
            os.environ.pop(name, None)
        self.address = cluster.address
        self._client: Any = self._ask(lambda: Impatient(cluster.address))

    def submit(self, name: str, package: Path, command: str, variables: dict[str, str]) -> None:
        """Hands in a shell command that runs in a copy of a folder.

        Raises:
            GoneError: the cluster does not answer, or does not take it.
        """
        environment = {"working_dir": str(package), "env_vars": variables}
        self._ask(lambda: self._client.submit_job(entrypoint=command, submission_id=name, runtime_env=environment))

    def stand(self, name: str) -> Stand | None:
        """How a submission stands; None where the cluster knows of none.

        Raises:
            GoneError: the cluster does not answer.
        """
        try:
            info = self._ask(lambda: self._client.get_job_info(name))
        except GoneError as error:
            if "404" in str(error) or "does not exist" in str(error):
                return None
            raise
        return Stand(str(info.status.value), info.status.is_terminal(), info.message or "")

    def log(self, name: str) -> str:
        """What a submission has printed, without colours.

        Raises:
            GoneError: the cluster does not answer.
        """
        return _ANSI.sub("", str(self._ask(lambda: self._client.get_job_logs(name))))

    def stop(self, name: str) -> None:
        """Ends a submission firmly, within some seconds.

        Raises:
            GoneError: the cluster does not answer.
        """
        self._ask(lambda: self._client.stop_job(name))

    def _ask(self, act: Any) -> Any:
        from requests import RequestException

        try:
            return act()
        except (RequestException, OSError, RuntimeError, ValueError) as error:
            reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
            raise GoneError(f"The Ray cluster at {self.address} does not answer as one: {reason}") from error
