"""The follower, with a cluster that says what it is told to say."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fer_core.errors import DataError, JobError, TrainingError
from training.remote import following
from training.remote.client import GoneError, Stand
from training.remote.entry import check_sight
from training.remote.following import Follower
from training.remote.place import HOME, LEAVE, LEFT, NOTE, Cluster
from training.remote.plan import PLAN, Plan

RUNS, DONE = Stand("RUNNING", False, ""), Stand("SUCCEEDED", True, "")


class Scripted:
    """Answers what the script says, one answer a look; an exception is raised."""

    def __init__(self, script: list[Any], log: str = "") -> None:
        self.script, self.text = script, log
        self.address = "http://head:8265"
        self.submitted: list[str] = []
        self.stopped: list[str] = []

    def submit(self, name: str, package: Path, command: str, variables: dict[str, str]) -> None:
        assert command == f"python -u -m training.remote.entry {PLAN}"
        assert sorted(p.name for p in package.iterdir()) == ["checkpoints", "fer_core", PLAN, "training"]
        plan = Plan.model_validate_json((package / PLAN).read_bytes())
        check_sight(plan)
        assert variables["FERSCOPE_HOME"] == plan.home
        self.submitted.append(name)

    def stand(self, _name: str) -> Stand | None:
        said = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if callable(said):
            said = said()
        if isinstance(said, Exception):
            raise said
        return said  # type: ignore[no-any-return]

    def log(self, _name: str) -> str:
        return self.text

    def stop(self, name: str) -> None:
        self.stopped.append(name)


@pytest.fixture
def follow(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Follows a run on a scripted cluster, with no patience."""
    for name, seconds in (("_LOOK_EVERY_S", 0.01), ("_PATIENCE_S", 0.2), ("_STOP_WITHIN_S", 0.1)):
        monkeypatch.setattr(following, name, seconds)
    before = signal.getsignal(signal.SIGTERM)

    def run(client: Scripted) -> Any:
        monkeypatch.setattr(following, "Client", lambda _cluster: client)
        there = Cluster(address=client.address, workers=2)
        plan = Plan(recipe={}, data="few", run="mine", home=str(home.resolve()), word="", cluster=there)
        return Follower(plan, record=False).follow()

    yield run
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def folder(home: Path) -> Path:
    return home / "runs" / "mine"


def ask_to_end() -> Stand:
    os.kill(os.getpid(), signal.SIGTERM)
    return RUNS


def test_a_run_is_handed_in_and_its_log_is_printed_once(
    follow: Callable[..., Any], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder).mkdir(parents=True)
    (folder / LEAVE).touch()  # of an attempt that was cancelled
    client = Scripted([RUNS, RUNS, DONE], "one\ntwo\ntwo\nthree\nhalf a li")
    assert follow(client) == 0
    assert len(client.submitted) == 1
    assert json.loads((folder / NOTE).read_text())["submission"] == client.submitted[0]
    assert not (folder / LEAVE).exists()
    assert capsys.readouterr().err.splitlines()[1:] == ["one", "two", "three"]


def test_a_run_that_is_there_already_is_taken_up(follow: Callable[..., Any], folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / NOTE).write_text(json.dumps({"address": "http://head:8265", "submission": "earlier"}))
    client = Scripted([RUNS, DONE])
    assert follow(client) == 0
    assert client.submitted == []
    over = Scripted([DONE, DONE])  # the earlier one has ended: this is a new one, as after a failure
    follow(over)
    assert len(over.submitted) == 1
    unknown = Scripted([None, DONE])  # a cluster that was started anew
    follow(unknown)
    assert len(unknown.submitted) == 1


def test_asked_to_end_it_asks_the_run_by_a_file(follow: Callable[..., Any], folder: Path) -> None:
    left: list[bool] = []

    def see() -> Stand:
        left.append((folder / LEAVE).exists())
        (folder / LEFT).touch()
        return Stand("FAILED", True, "exit code 143")

    client = Scripted([ask_to_end, see])
    with pytest.raises(SystemExit) as end:
        follow(client)
    assert end.value.code == 143
    assert left == [True]
    assert client.stopped == []  # it has ended by itself


@pytest.mark.parametrize("waits", [True, False])
def test_what_does_not_end_is_stopped(waits: bool, follow: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "_LEAVE_WITHIN_S", 0.05)
    client = Scripted([ask_to_end])
    client.script.append(
        lambda: Stand("STOPPED", True, "") if client.stopped else Stand("PENDING" if waits else "RUNNING", False, "")
    )
    with pytest.raises(SystemExit) as end:
        follow(client)
    assert end.value.code == 143
    assert client.stopped == client.submitted


def test_how_a_run_fails(follow: Callable[..., Any]) -> None:
    log = "x\nError: The training split has no sample of fear.\ny\n"
    with pytest.raises(TrainingError, match=r"^The training split has no sample of fear\.$"):
        follow(Scripted([Stand("FAILED", True, "exit code 2")], log))
    with pytest.raises(TrainingError, match="The run has failed on the cluster: exit code 1"):
        follow(Scripted([Stand("FAILED", True, "exit code 1")], "Traceback\n"))
    with pytest.raises(JobError, match="was stopped on the cluster at http://head:8265"):
        follow(Scripted([Stand("STOPPED", True, "")]))
    with pytest.raises(JobError, match="knows the run no more"):
        follow(Scripted([RUNS, None]))


def test_a_cluster_that_goes_away(follow: Callable[..., Any]) -> None:
    gone = GoneError("The Ray cluster at http://head:8265 does not answer as one: connection refused")
    assert follow(Scripted([RUNS, gone, gone, RUNS, DONE])) == 0  # and comes back
    with pytest.raises(JobError, match=r"connection refused\. That was so for 0 seconds; what is shown"):
        follow(Scripted([RUNS, gone]))
    with pytest.raises(SystemExit) as end:
        follow(Scripted([ask_to_end, gone]))
    assert end.value.code == 143


def test_a_cluster_without_the_workspace(home: Path) -> None:
    there = Cluster(address="http://head:8265")
    plan = Plan(recipe={}, data="few", run="mine", home=str(home), word="right", cluster=there)
    with pytest.raises(DataError, match=f"does not see the workspace {home}"):
        check_sight(plan)
    plan.folder.mkdir(parents=True)
    (plan.folder / HOME).write_text("another disk under the same path")
    with pytest.raises(DataError, match="does not see the workspace"):
        check_sight(plan)
    (plan.folder / HOME).write_text("right")
    check_sight(plan)
