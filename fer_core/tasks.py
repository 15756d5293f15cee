"""Work that outlives a page: a command line in a process of its own, with progress, time left, and a way to stop.

```
workspace/tasks/ID/
    task.json        what it is: arguments, a line about it, when it began, number of its process
    lock             held by the process as long as it lives, however it ends
    started          there since it holds the lock, or has ended without; the number of its process is in it
    stop             there since it was asked to stop
    progress.json    done, total, what is being done, since when
    result.json      exit status and last lines, written at the end
    log.txt          what the command printed
    reserve          room on the disk, given back for the last words where the disk is full
```

A page starts a task and reads these files; a refresh, or a restart of the app, changes nothing for the task. It is one
process that runs the command within itself, so that whatever ends it leaves no other behind that works on.
"""

from __future__ import annotations

import contextlib
import json
import os
import runpy
import secrets
import signal
import subprocess
import sys
import threading
import time
import traceback
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn

from filelock import FileLock, Timeout

from fer_core.workspace import clear_old, workspace

ENVIRONMENT = "FERSCOPE_TASK"
_WRITE_EVERY_S = 0.2
_TAIL_CHARACTERS = 2000
_TAIL_BYTES = 1 << 16
_LOG_BYTES = 1 << 22
_START_WITHIN_S = 30.0
_RESERVE_BYTES = 1 << 18  # the log's last lines, the result, and what the queue's table needs to note it

Status = Literal["running", "done", "failed", "stopped"]


@dataclass(frozen=True)
class State:
    """How a task stands.

    Attributes:
        status: `stopped` is what the user asked for; `failed` is any other end but `done`.
        what: what is being done or counted.
        done: how much of it.
        total: of how much; 0 while that is not known.
        left_s: estimate of the seconds left; None while there is nothing to go by.
        message: for the user, at the end: the last lines that were printed.
    """

    status: Status
    what: str = ""
    done: int = 0
    total: int = 0
    left_s: float | None = None
    message: str = ""


@dataclass(frozen=True)
class Task:
    """One task, by its folder."""

    folder: Path

    @property
    def about(self) -> str:
        """One line about what it does."""
        return str(self._read("task.json").get("about", ""))

    @property
    def subject(self) -> str:
        """What it works on, such as the name of a data set; how a page finds its tasks."""
        return str(self._read("task.json").get("subject", ""))

    @property
    def arguments(self) -> tuple[str, ...]:
        """What it was started with."""
        return tuple(self._read("task.json").get("arguments", ()))

    @property
    def began(self) -> float:
        """Seconds since 1970."""
        return float(self._read("task.json").get("began", 0.0))

    @property
    def pid(self) -> int | None:
        """Number of its process; None as long as it is not known."""
        pid = self._read("task.json").get("pid")  # whoever started it may have died before writing this down
        with contextlib.suppress(FileNotFoundError, ValueError):
            return int(pid or (self.folder / "started").read_text(encoding="utf-8"))
        return None

    @property
    def lives(self) -> bool:
        """Whether its process is there, or has only just been started."""
        return self._lives()

    @property
    def exit_status(self) -> int | None:
        """What its process ended with; None while it lives, and where it ended without a word."""
        status = self._read("result.json").get("status")
        return None if status is None else int(status)

    def state(self) -> State:
        """How it stands now."""
        lives = self._lives()  # asked first: what does not live any more has written its result, or never will
        result = self._read("result.json")
        progress = self._read("progress.json")
        seen = {key: progress[key] for key in ("what", "done", "total") if key in progress}
        if result:
            status: Status = "done" if result["status"] == 0 else "stopped" if self._asked_to_stop() else "failed"
            return State(status, **seen, message=result["tail"])
        if lives:
            return State("running", **seen, left_s=_left(progress))
        if self._asked_to_stop():
            return State("stopped", **seen)
        return State("failed", **seen, message=f"It ended without a word.\n{self.tail()}".strip())

    def stop(self, patience_s: float = 5.0) -> None:
        """Asks the process to end, and after some seconds makes it; what it had finished stays."""
        if self._lives():
            (self.folder / "stop").touch()
        for kind in (signal.SIGTERM, signal.SIGKILL):
            pid = self.pid
            if pid is not None and self._lives():
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pid, kind)
            deadline = time.monotonic() + patience_s
            while self._lives() and time.monotonic() < deadline:
                time.sleep(0.05)

    def _asked_to_stop(self) -> bool:
        return (self.folder / "stop").exists()

    def _lives(self) -> bool:
        """Whether its process holds the lock, or has only just been started."""
        lock = FileLock(self.folder / "lock")
        try:
            with lock.acquire(timeout=0):
                started = (self.folder / "started").exists()
                return not started and time.time() - self.began < _START_WITHIN_S
        except Timeout:
            return True

    def _read(self, name: str) -> dict[str, Any]:
        try:
            return dict(json.loads((self.folder / name).read_bytes()))
        except (FileNotFoundError, ValueError):  # a disk that was full may leave half a file
            return {}

    def tail(self) -> str:
        """The last lines that it printed, without what was overwritten on a line."""
        return self.log(_TAIL_BYTES)[-_TAIL_CHARACTERS:]

    def log(self, last_bytes: int = _LOG_BYTES) -> str:
        """What it printed, without what was overwritten on a line; of a long log only so many bytes of its end."""
        try:
            with (self.folder / "log.txt").open("rb") as log:
                log.seek(-min(last_bytes, log.seek(0, os.SEEK_END)), os.SEEK_END)
                text = log.read().decode("utf-8", errors="replace")
        except FileNotFoundError:
            return ""
        lines = [line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n")]
        return "\n".join(line for line in lines if line.strip())

    def reason(self) -> str:
        """Why it failed: the sentence that it ended with; for a defect of ours the last line, and where the rest is."""
        lines = self.tail().splitlines()
        told = [line.removeprefix("Error: ") for line in lines if line.startswith("Error: ")]
        if told:
            return told[-1]
        return f"{lines[-1] if lines else 'It ended without a word'} (more in {self.folder / 'log.txt'})"


def _left(progress: dict[str, Any]) -> float | None:
    done, total = progress.get("done", 0), progress.get("total", 0)
    if not done or total < done:
        return None
    spent_s = float(progress["at"]) - float(progress["since"])
    return spent_s / float(done) * (float(total) - float(done))


def start(
    arguments: Sequence[str],
    about: str,
    subject: str = "",
    *,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Task:
    """Starts `python ARGUMENTS` as a task.

    Args:
        arguments: `-m` and a module, or a script, and its arguments, such as `["-m", "fer_core", "data", "audit",
            "fer2013"]`; they go to the process as they are, through no shell.
        about: one line for the user.
        subject: what it works on.
        folder: an absolute path, not there yet; by default a new one among the tasks.
        environment: variables that the process gets beside those that are set here.
    """
    clear_old("tasks", days=30)
    folder = folder or workspace().resolve() / "tasks" / f"{time.strftime('%Y%m%d-%H%M%S')}-{uuid.uuid4().hex[:6]}"
    folder.mkdir(parents=True)
    note = {"arguments": list(arguments), "about": about, "subject": subject, "began": time.time()}
    _write(folder / "task.json", note)
    own = {"FERSCOPE_HOME": str(workspace().resolve()), ENVIRONMENT: str(folder)}
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603  (the arguments are ours, and go through no shell)
            [sys.executable, "-u", "-m", "fer_core.tasks", str(folder)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            cwd=Path(__file__).resolve().parent.parent,
            env={**os.environ, **(environment or {}), **own},
        )  # fmt: skip
    _write(folder / "task.json", {**note, "pid": process.pid})
    threading.Thread(target=_see_off, args=(process, folder), daemon=True).start()
    return Task(folder)


def _see_off(process: subprocess.Popen[bytes], folder: Path) -> None:
    """Waits for the end, or the process would stay as a zombie; one that never came to its lock is known to be over."""
    process.wait()
    with contextlib.suppress(FileNotFoundError):
        (folder / "started").touch()


def tasks(subject: str | None = None) -> list[Task]:
    """All tasks, the newest first; with a subject only its."""
    found = [Task(file.parent) for file in (workspace() / "tasks").glob("*/task.json")]
    chosen = [task for task in found if subject is None or task.subject == subject]
    return sorted(chosen, key=lambda task: task.began, reverse=True)


class Reporter:
    """Tells how far the work is, where it runs as a task; elsewhere it is silent.

    Args:
        what: what is counted, such as `faces`.
    """

    def __init__(self, what: str) -> None:
        self.what = what
        self.since = time.time()
        self._written = 0.0

    def __call__(self, done: int, total: int) -> None:
        """Notes that `done` of `total` is done; cheap enough for every step."""
        now = time.time()
        folder = os.environ.get(ENVIRONMENT)
        if folder is not None and (now - self._written >= _WRITE_EVERY_S or done >= total > 0):
            self._written = now
            note = {"what": self.what, "done": done, "total": total, "since": self.since, "at": now}
            _write(Path(folder) / "progress.json", note)


def _write(path: Path, value: dict[str, Any]) -> None:
    scratch = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    scratch.write_text(json.dumps(value), encoding="utf-8")
    scratch.replace(path)


def free_reserve() -> None:
    """Gives back the room that is kept for the last words of this process, where it runs as a task."""
    folder = os.environ.get(ENVIRONMENT)
    if folder is not None:
        (Path(folder) / "reserve").unlink(missing_ok=True)


@contextlib.contextmanager
def _alive(folder: Path) -> Iterator[None]:
    """Holds the lock, which the operating system takes back however the process ends."""
    with FileLock(folder / "lock"):
        (folder / "started").write_text(str(os.getpid()), encoding="utf-8")
        with contextlib.suppress(OSError):
            (folder / "reserve").write_bytes(bytes(_RESERVE_BYTES))
        yield


def run(folder: Path) -> int:
    """Runs the task of a folder to its end; the exit status. Called in the task's own process."""
    task = Task(folder)
    with _alive(folder):
        status = _outcome(json.loads((folder / "task.json").read_bytes())["arguments"])
        free_reserve()
        sys.stdout.flush()
        _write(folder / "result.json", {"status": status, "tail": task.tail()})
    return status


def _outcome(arguments: Sequence[str]) -> int:
    """Does what `python ARGUMENTS` does, in this process; the exit status."""
    as_module = arguments[0] == "-m"
    what, *others = arguments[1:] if as_module else arguments
    sys.argv = [what, *others]
    try:
        if as_module:
            runpy.run_module(what, run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(what, run_name="__main__")
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)  # noqa: T201
        return 1
    except BaseException:  # noqa: BLE001  (whatever it was, it is told as Python tells it, and the result says so)
        free_reserve()
        traceback.print_exc()
        return 1
    return 0


def _end(*_: object) -> NoReturn:
    """Lets the work clear up behind itself, in peace."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(143)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _end)
    sys.exit(run(Path(sys.argv[1])))
