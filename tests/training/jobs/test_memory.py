"""Memory that runs out: who has killed the process, what is free, and which batch size is expected to fit."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from training.jobs import attempts, memory
from training.jobs.attempts import begin, watch
from training.jobs.job import Job
from training.jobs.memory import Memory, kills, room_mb
from training.jobs.states import Reason, Status
from training.jobs.table import End, claim
from training.need import Need, need_of

HandIn = Callable[..., Job]
LOST = "Its process was killed; the system does that where memory runs out. It goes on by itself."


class System:
    """A system whose files the test writes."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, **files: str) -> None:
        for name, text in files.items():
            file = self.root / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> System:
    root = tmp_path / "system"
    monkeypatch.setattr(memory, "_SYSTEM", root)
    return System(root)


def test_which_batch_size_fits() -> None:
    """500 MB and 2 MB a face: 128 faces take 756 MB, and (700 - 500) / 2 = 100 faces 700 MB."""
    need = Need(batch_size=128, processes=1, fixed_mb=500.0, face_mb=2.0)
    assert need.fitting(756) == 128
    assert need.fitting(700) == 100
    assert need.fitting(699.9) == 99
    assert need.fitting(501) == 0
    assert need.fitting(100) == 0
    assert need.fitting(700, seen_mb=700) == 100  # less than it would have come to
    assert need.fitting(700, seen_mb=1012) == 50  # (1012 - 500) / 128 = 4 MB a face
    assert Need(128, 3, 500.0, 2.0).fitting(700) == 99  # the largest that three processes can share


def test_what_a_run_has_noted(tmp_path: Path) -> None:
    assert need_of(tmp_path) is None
    need = Need(128, 1, 500.0, 2.0)
    need.save(tmp_path)
    assert need_of(tmp_path) == need
    for damaged in ("", "{}", "[1]", '{"batch_size": 1, "other": 2}'):
        (tmp_path / "memory.json").write_text(damaged)
        assert need_of(tmp_path) is None


def test_kills_of_a_control_group_or_of_the_machine(system: System) -> None:
    assert kills() == 0
    system.write(**{"proc/vmstat": "pgfault 12\noom_kill 7\nnr_free 3\n"})
    assert kills() == 7
    system.write(**{
        "proc/self/cgroup": "5:cpu,memory:/old\n0::/new/own\n",
        "sys/fs/cgroup/new/own/memory.events": "low 0\noom 9\noom_kill 2\noom_group_kill 0\n",
    })  # fmt: skip
    assert kills() == 2
    system.write(**{"sys/fs/cgroup/memory/old/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 4\n"})
    assert kills() == 4  # of the hierarchy that is named first


def test_room_is_that_of_the_narrowest_group(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    """1000 MB may be taken, 900 are, of which 50 are files that can be read again: 150 are left."""

    class Machine:
        available = 2_000_000_000

    monkeypatch.setattr(memory.psutil, "virtual_memory", lambda: Machine)
    assert room_mb() == 2000
    group = "sys/fs/cgroup/lab/own/memory"
    system.write(**{
        "proc/self/cgroup": "0::/lab/own\n", f"{group}.events": "oom_kill 0\n", f"{group}.max": "max\n",
        f"{group}.current": "1000000\n",
    })  # fmt: skip
    assert room_mb() == 2000
    above = "sys/fs/cgroup/lab/memory"
    system.write(**{
        f"{above}.max": "1000000000\n", f"{above}.current": "900000000\n", f"{above}.stat": "inactive_file 50000000\n",
    })  # fmt: skip
    assert room_mb() == 150
    old = "sys/fs/cgroup/memory/lab/memory"
    system.write(**{
        "proc/self/cgroup": "4:memory:/lab\n", f"{old}.oom_control": "oom_kill 0\n",
        f"{old}.limit_in_bytes": "800000000\n", f"{old}.usage_in_bytes": "800000000\n",
        f"{old}.stat": "inactive_file 1\ntotal_inactive_file 70000000\n",
    })  # fmt: skip
    assert room_mb() == 70


@pytest.fixture
def killed(hand_in: HandIn, system: System, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Job, End]]:
    """A job whose process is killed while it is watched, and whether the system counts it as its own doing."""

    def make(
        counted: bool, need: Need | None = None, room: float = 700.0, sent: int = signal.SIGKILL
    ) -> tuple[Job, End]:
        monkeypatch.setattr(attempts, "room_mb", lambda: room)
        system.write(**{"proc/vmstat": "oom_kill 3\n"})
        # Asked to end it does what the first of several processes does when another one was killed.
        hand_in(
            "import signal\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(143))\n"
            "(here / me).touch()\nwhile True: time.sleep(0.02)\n"
        )
        job = claim("w", "cpu")
        assert job is not None
        if need is not None:
            job.run_folder.mkdir(parents=True)
            need.save(job.run_folder)
        task = begin(job)
        assert not isinstance(task, End)

        def leaving() -> bool:
            if (system.root.parent / "a").exists() and task.lives:
                system.write(**{"proc/vmstat": f"oom_kill {3 + counted}\n"})
                os.kill(task.pid or 0, sent)
            return False

        end = watch(job, task, leaving)
        assert end is not None
        return job, end

    return make


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM])
def test_killed_by_the_system_it_is_not_started_again(killed: Callable[..., tuple[Job, End]], sent: int) -> None:
    """It, or one of the processes that it has started. It takes some 30 MB, all of it counted as the training's."""
    _, end = killed(counted=True, need=Need(128, 1, 500.0, 2.0), sent=sent)
    assert (end.reason, end.status) == (Reason.NO_MEMORY, Status.FAILED)
    assert end.message == (
        "The system has killed its process because memory ran out. 700 MB are free now, and it would want as much "
        "again, so it is not started again by itself. End other programs and resume it, or clone it with "
        "batch_size=100 instead of 128, which is expected to fit."
    )


def test_killed_by_the_system_though_there_is_room_now(killed: Callable[..., tuple[Job, End]]) -> None:
    _, end = killed(counted=True, need=Need(128, 1, 500.0, 2.0), room=756.0)
    assert (end.reason, end.status, end.fruitless) == (Reason.NO_MEMORY, Status.QUEUED, 1)
    assert end.message == (
        "The system has killed its process because memory ran out, taken by other programs: 756 MB are free now, in "
        "which its batch_size of 128 fits. It goes on by itself."
    )


def test_killed_by_the_system_before_anything_is_known(killed: Callable[..., tuple[Job, End]]) -> None:
    _, end = killed(counted=True)
    assert (end.reason, end.status) == (Reason.NO_MEMORY, Status.FAILED)
    assert end.message.endswith("clone it with a smaller batch_size or a smaller network.")


def test_not_even_two_faces_fit(killed: Callable[..., tuple[Job, End]]) -> None:
    _, end = killed(counted=True, need=Need(128, 1, 699.0, 1.0))
    assert end.message.endswith(
        "clone it with a smaller network or preprocess.size_px: no batch_size (now 128) is expected to fit."
    )


def test_killed_by_somebody_it_goes_on(killed: Callable[..., tuple[Job, End]]) -> None:
    _, end = killed(counted=False, need=Need(128, 1, 500.0, 2.0))
    assert (end.reason, end.status, end.message) == (Reason.KILLED, Status.QUEUED, LOST)


def test_the_limit_names_the_size_that_fits(hand_in: HandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was seen with 1212 MB, 200 of them a helper's: (1012 - 500) / 128 = 4 MB a face.

    Of a limit of 900 MB 700 are left to it: (700 - 500) / 4 = 50.
    """
    job = hand_in("", memory_mb=900)
    job.run_folder.mkdir(parents=True)
    Need(128, 1, 500.0, 2.0).save(job.run_folder)
    monkeypatch.setattr(memory, "members_mb", lambda _: [1012.0, 150.0, 50.0])
    seen = Memory(job)
    end = attempts._over_memory_limit(job, seen.look(1), seen)
    assert end is not None
    assert (end.reason, end.status) == (Reason.MEMORY_LIMIT, Status.FAILED)
    assert end.message == (
        "It used 1,212 MB of memory and was given 900 MB. Clone it with a higher limit, or with batch_size=50 instead "
        "of 128, which is expected to fit."
    )
    assert seen.look(1) is None  # it is not two seconds since
