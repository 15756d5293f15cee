"""The follower: a process on this machine that sees a run on a cluster through, as if it ran here."""

from __future__ import annotations

import contextlib
import json
import secrets
import shlex
import signal
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType

from fer_core.errors import JobError, TrainingError
from training.remote.client import Client, GoneError, Stand
from training.remote.place import HOME, LEAVE, LEFT, NOTE, TOLD
from training.remote.plan import PLAN, Plan, pack
from training.tracking.recording import Recording

ASKED_TO_END = 143
_LOOK_EVERY_S = 1.0
_PATIENCE_S = 60.0  # with a cluster that does not answer
_LEAVE_WITHIN_S = 40.0  # to keep the state in; less than a job's grace
_STOP_WITHIN_S = 10.0


class Follower:
    """Follows one run.

    Args:
        plan: what is to be done, and where.
        record: in MLflow, from here: the record's own store is not for other machines.
    """

    def __init__(self, plan: Plan, record: bool = True) -> None:
        self.plan = plan
        self.record = record
        self.name = ""
        self.asked_at: float | None = None
        self._stopped = False
        self._printed = 0
        self._error = self._last = ""
        self._recorded = False

    def follow(self) -> int:
        """Hands the run in, unless it is there already, and stays with it to its end.

        Returns:
            0 where the checkpoint is written; 143 where it was asked to end.

        Raises:
            JobError: the cluster does not answer, or has stopped the run.
            TrainingError: what was wrong, as the cluster's log says it.
            UnavailableError: Ray is not installed.
        """
        signal.signal(signal.SIGTERM, self._note)
        plan = self.plan
        plan.folder.mkdir(parents=True, exist_ok=True)
        client = Client(plan.cluster)
        self._find_or_submit(client)
        with Recording(plan.folder, plan.checkpoint_folder, Path(plan.data).name) as recording:
            end = self._watch(client, recording)
            if end.status == "SUCCEEDED":
                return 0
            if self.asked_at is not None or (plan.folder / LEFT).exists():
                raise SystemExit(ASKED_TO_END)
            if end.status == "STOPPED":
                raise JobError(f"The run was stopped on the cluster at {client.address}. Resume it to go on.")
            raise TrainingError(self._error or f"The run has failed on the cluster: {end.message.strip()}")

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self.asked_at = self.asked_at or time.monotonic()

    def _find_or_submit(self, client: Client) -> None:
        """Takes up what an earlier follower has handed in, if it is still on its way."""
        folder = self.plan.folder
        with contextlib.suppress(FileNotFoundError, ValueError, KeyError):
            was = json.loads((folder / NOTE).read_bytes())
            stand = client.stand(was["submission"]) if was["address"] == client.address else None
            if stand is not None and not stand.over:
                self.name = str(was["submission"])
                _say(f"It is on the cluster at {client.address} already, as {self.name}.")
                return
        for name in (LEAVE, LEFT, TOLD):
            (folder / name).unlink(missing_ok=True)
        self.name = f"ferscope-{self.plan.run}-{secrets.token_hex(4)}"
        plan = self.plan.model_copy(update={"word": secrets.token_hex(16)})
        (folder / HOME).write_text(plan.word, encoding="utf-8")
        # Noted before it is handed in: whoever is killed between the two finds no such submission and hands it in anew.
        (folder / NOTE).write_text(json.dumps({"address": client.address, "submission": self.name}), encoding="utf-8")
        command = shlex.join(["python", "-u", "-m", "training.remote.entry", PLAN])
        variables = {"FERSCOPE_HOME": plan.home, "TORCH_CPP_LOG_LEVEL": "ERROR"}
        with tempfile.TemporaryDirectory() as scratch:
            pack(plan, Path(scratch) / "ferscope")
            client.submit(self.name, Path(scratch) / "ferscope", command, variables)
        _say(f"Handed in to {client.address} as {self.name}.")

    def _watch(self, client: Client, recording: Recording) -> Stand:
        lost_at: float | None = None
        while True:
            try:
                stand = client.stand(self.name)
                if stand is None:
                    raise JobError(f"The cluster at {client.address} knows the run no more. Resume it to go on.")
                self._print(client.log(self.name))
                lost_at = None
                if stand.over:
                    return stand
                self._leave(client, stand)
            except GoneError as error:
                lost_at = lost_at or time.monotonic()
                self._give_up(error, lost_at)
            if self.record and not self._recorded and (self.plan.folder / "data.json").exists():
                recording.begin()
                self._recorded = True
            time.sleep(_LOOK_EVERY_S)

    def _give_up(self, error: GoneError, lost_at: float) -> None:
        """After a while with no answer; at once nearly where the run is to be ended."""
        gone_s = time.monotonic() - lost_at
        if self.asked_at is not None and gone_s > _STOP_WITHIN_S:
            _say(f"{error}. The run was asked to end, and does so if its machines still see {self.plan.folder}.")
            (self.plan.folder / LEAVE).touch()
            raise SystemExit(ASKED_TO_END)
        if gone_s > _PATIENCE_S:
            raise JobError(
                f"{error}. That was so for {_PATIENCE_S:.0f} seconds; what is shown is how it stood before. Resume it "
                "when the cluster is back: it is taken up there, or goes on where it was kept last."
            )

    def _leave(self, client: Client, stand: Stand) -> None:
        """Asks the run to end, if that was asked here: by a file at first, since Ray gives three seconds."""
        if self.asked_at is None:
            return
        (self.plan.folder / LEAVE).touch()
        late = time.monotonic() - self.asked_at > _LEAVE_WITHIN_S
        if (late or stand.status == "PENDING") and not self._stopped:
            client.stop(self.name)
            self._stopped = True

    def _print(self, log: str) -> None:
        """What is new of a log; the sentence of an error is for the end."""
        whole = log[: log.rfind("\n") + 1]
        for line in whole[self._printed :].splitlines():
            if line.startswith("Error: "):
                self._error = line.removeprefix("Error: ")
            elif line != self._last:  # Ray repeats what a worker prints
                _say(line)
            self._last = line
        self._printed = len(whole)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201  (the log of the job)
