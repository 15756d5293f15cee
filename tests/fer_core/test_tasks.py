"""Tasks: processes of their own that tell how far they are, can be stopped, and leave nothing behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from fer_core.cli import progress_line
from fer_core.tasks import ENVIRONMENT, Reporter, State, Task, start, tasks
from tests.waiting import PATIENCE_S, until

STARTED: list[Task] = []


@pytest.fixture(autouse=True)
def nothing_is_left_running() -> Iterator[None]:
    yield
    while STARTED:
        STARTED.pop().stop(0.1)


@pytest.fixture
def begin(tmp_path: Path) -> Callable[..., Task]:
    """Starts a script as a task; `here` is a folder for it to write to."""

    def make(script: str, *arguments: str, subject: str = "") -> Task:
        file = tmp_path / f"script{len(list(tmp_path.glob('script*')))}.py"
        file.write_text(
            f"import os, sys, time, signal\nfrom pathlib import Path\nhere = Path({str(tmp_path)!r})\n{script}"
        )
        task = start([str(file), *arguments], "a test", subject)
        STARTED.append(task)
        return task

    return make


def ended(task: Task) -> State:
    return until(lambda: state if (state := task.state()).status != "running" else None)


def pid_of(task: Task) -> int:
    return int(json.loads((task.folder / "task.json").read_bytes())["pid"])


def is_gone(pid: int) -> bool:
    """Neither running nor a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_task_that_is_done(begin: Callable[..., Task], home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FERSCOPE_HOME", os.path.relpath(home))
    before = time.time()
    task = begin(
        "print('said', *sys.argv[1:])\nprint(os.environ['FERSCOPE_HOME'])", "two words", "$HOME;*", subject="x"
    )
    assert task.state().status == "running"
    assert ended(task) == State("done", message=f"said two words $HOME;*\n{home.resolve()}")
    assert (task.about, task.subject) == ("a test", "x")
    assert task.arguments[1:] == ("two words", "$HOME;*")
    assert before <= task.began <= time.time()
    assert task.folder.parent == home.resolve() / "tasks"
    until(lambda: is_gone(pid_of(task)))


@pytest.mark.parametrize(
    ("script", "last"),
    [
        ("print('on the way'); sys.exit(2)", "on the way"),
        ("sys.exit('a sentence')", "a sentence"),
        ("raise ValueError('what went wrong')", "ValueError: what went wrong"),
        ("os._exit(3)", "It ended without a word."),
        ("print('words'); sys.stdout.flush(); os.kill(os.getpid(), signal.SIGKILL)", "words"),
        ("os.kill(os.getpid(), signal.SIGTERM); time.sleep(60)", None),  # not by us, such as a machine that shuts down
    ],
)
def test_tasks_that_fail(begin: Callable[..., Task], script: str, last: str | None) -> None:
    state = ended(begin(script))
    assert state.status == "failed"
    assert last is None or state.message.splitlines()[-1] == last


def test_a_command_of_ours(home: Path) -> None:
    good = start(["-m", "fer_core", "data", "list", "--json"], "list", "sets")
    bad = start(["-m", "fer_core", "data", "show", "gone"], "show", "sets")
    STARTED.extend((good, bad))
    assert ended(good) == State("done", message="[]")
    assert ended(bad) == State(
        "failed", message=f"Error: There is no data set 'gone' in {home.resolve()}. None has been imported yet."
    )
    assert ended(start(["-m", "no_such_module"], "none")).status == "failed"


def test_progress_and_time_left(begin: Callable[..., Task]) -> None:
    task = begin(
        "from fer_core.tasks import Reporter\nreport = Reporter('faces')\nreport.since -= 30\nreport(3, 12)\n"
        "while not (here / 'go').exists(): time.sleep(0.05)\nreport(12, 12)"
    )
    state = until(lambda: s if (s := task.state()).total else None)
    assert (state.status, state.what, state.done, state.total) == ("running", "faces", 3, 12)
    assert state.left_s == pytest.approx(90, rel=0.1)  # 30 s for 3 of them, 9 are left
    (task.folder.parents[2] / "go").touch()
    state = ended(task)
    assert (state.status, state.what, state.done, state.total, state.left_s) == ("done", "faces", 12, 12, None)


def test_stopping_lets_the_work_clear_up(begin: Callable[..., Task]) -> None:
    task = begin(
        "try:\n (here / 'ready').touch(); print('busy')\n time.sleep(100)\n"
        "finally:\n time.sleep(0.3); (here / 'cleared').touch()"
    )
    here = task.folder.parents[2]
    until((here / "ready").exists)
    task.stop(PATIENCE_S)
    assert (here / "cleared").exists()
    assert task.state() == State("stopped", message="busy")
    until(lambda: is_gone(pid_of(task)))


def test_what_does_not_listen_is_killed(begin: Callable[..., Task]) -> None:
    task = begin("signal.signal(signal.SIGTERM, signal.SIG_IGN)\n(here / 'ready').touch()\ntime.sleep(100)")
    until((task.folder.parents[2] / "ready").exists)
    before = time.monotonic()
    task.stop(0.5)
    assert ended(task).status == "stopped"
    assert time.monotonic() - before < 60
    until(lambda: is_gone(pid_of(task)))


def test_stopping_ends_what_the_work_has_started(begin: Callable[..., Task]) -> None:
    task = begin(
        "import subprocess\nchild = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(100)'])\n"
        "(here / 'child').write_text(str(child.pid))\nchild.wait()"
    )
    file = task.folder.parents[2] / "child"
    child = int(until(lambda: file.exists() and file.read_text()))
    task.stop(PATIENCE_S)
    assert task.state().status == "stopped"
    until(lambda: not Path(f"/proc/{child}").exists() or "Z" in Path(f"/proc/{child}/stat").read_text().split()[2])


def test_killing_the_process_ends_the_work(begin: Callable[..., Task]) -> None:
    """The work must not go on as an orphan that nobody sees or stops."""
    task = begin(
        "(here / 'pid').write_text(str(os.getpid()))\nprint('so far')\n"
        "while True: (here / 'beat').touch(); time.sleep(0.05)"
    )
    here = task.folder.parents[2]
    pid = int(until(lambda: (here / "pid").exists() and (here / "pid").read_text()))
    os.kill(pid_of(task), signal.SIGKILL)
    until(lambda: is_gone(pid))
    assert ended(task) == State("failed", message="It ended without a word.\nso far")
    until((here / "beat").exists)
    (here / "beat").unlink()
    time.sleep(0.3)
    assert not (here / "beat").exists(), "nobody works on"


def test_one_that_ends_before_it_began_has_failed_at_once(
    begin: Callable[..., Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    task = begin("")
    before = time.monotonic()
    assert ended(task).status == "failed"
    assert time.monotonic() - before < 25, "not only when it should have begun long ago"


def test_stopping_what_has_ended_changes_nothing(begin: Callable[..., Task]) -> None:
    task = begin("sys.exit(1)")
    before = ended(task)
    task.stop()
    assert task.state() == before
    assert before.status == "failed"


def made(home: Path, name: str, **files: dict[str, Any]) -> Task:
    """A task's folder as a process that is no more has left it."""
    folder = home / "tasks" / name
    folder.mkdir(parents=True)
    for file, value in files.items():
        (folder / f"{file}.json").write_text(json.dumps(value))
    return Task(folder)


def test_after_its_process_has_vanished(home: Path) -> None:
    note = {"arguments": [], "about": "", "subject": "", "began": time.time() - 100, "pid": 2**22 + 1}
    progress = {"what": "faces", "done": 5, "total": 10, "since": 0, "at": 10}
    task = made(home, "gone", task=note, progress=progress)
    assert task.state() == State("failed", "faces", 5, 10, message="It ended without a word.")
    (task.folder / "stop").touch()
    assert task.state() == State("stopped", "faces", 5, 10)
    task.stop()  # there is nothing to stop, and no harm in it
    young = made(home, "young", task={**note, "began": time.time()})
    assert young.state().status == "running", "it may only just be starting"
    with FileLock(task.folder / "lock"):
        assert task.state().left_s == pytest.approx(10)
        assert task.state().status == "running"


def test_damaged_files_are_no_crash(home: Path) -> None:
    task = made(home, "broken", task={})
    (task.folder / "task.json").write_text("{")
    assert task.state().status == "failed"
    assert (task.about, task.subject, task.began, task.arguments) == ("", "", 0.0, ())
    assert [t.folder for t in tasks()] == [task.folder]


def test_tasks_of_a_subject_the_newest_first(home: Path) -> None:
    for name, subject, began in (("b", "x", 3.0), ("a", "x", 1.0), ("d", "y", 2.0), ("c", "x", 2.5)):
        made(home, name, task={"subject": subject, "began": began, "about": name})
    assert [t.about for t in tasks("x")] == ["b", "c", "a"]
    assert [t.about for t in tasks()] == ["b", "c", "d", "a"]
    assert tasks("z") == []


def test_two_tasks_of_one_subject_do_not_mix(begin: Callable[..., Task]) -> None:
    script = "from fer_core.tasks import Reporter\nReporter(sys.argv[1])(1, int(sys.argv[2]))\nprint(sys.argv[1])"
    one = begin(script, "one", "5", subject="same")
    two = begin(script, "two", "7", subject="same")
    assert [(s.what, s.total, s.message) for s in map(ended, (one, two))] == [("one", 5, "one"), ("two", 7, "two")]
    assert [t.folder for t in tasks("same")] == [two.folder, one.folder]


def test_what_was_written_over_is_not_told(home: Path) -> None:
    task = made(home, "log", task={})
    assert task.tail() == ""
    log = b"first\n\rfaces 1 of 3\rfaces 2 of 3\rfaces 3 of 3\n\n  \nError: \xff it\xe2\x80\x99s\r\nlast\r"
    (task.folder / "log.txt").write_bytes(log)
    assert task.tail() == "first\nfaces 3 of 3\nError: \N{REPLACEMENT CHARACTER} it\u2019s\nlast"
    (task.folder / "log.txt").write_bytes(b"\rfaces 1 of 9" * 100_000 + b"\nthe end " + b"x" * 1990)
    assert task.tail() == ("faces 1 of 9\nthe end " + "x" * 1990)[-2000:]


def test_the_reporter_is_silent_elsewhere(home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(ENVIRONMENT, raising=False)
    Reporter("faces")(1, 2)
    assert list(tmp_path.iterdir()) == []
    assert not home.exists()


def test_the_reporter_writes_now_and_then_and_at_the_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path))
    now = 1000.0
    monkeypatch.setattr("fer_core.tasks.time.time", lambda: now)
    report = Reporter("faces")
    seen = []
    for done in range(1, 12):
        now += 1 / 16
        report(done, 11)
        seen.append(json.loads((tmp_path / "progress.json").read_bytes())["done"])
    assert seen == [1, 1, 1, 1, 5, 5, 5, 5, 9, 9, 11]
    assert [p.name for p in tmp_path.iterdir()] == ["progress.json"]
    for done in (1, 2, 3):
        report(done, 0)  # while it is not known of how much
    assert json.loads((tmp_path / "progress.json").read_bytes())["done"] == 11


def test_progress_on_a_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENVIRONMENT, raising=False)
    now = 100.0
    monkeypatch.setattr("fer_core.cli.time.monotonic", lambda: now)
    show = progress_line("bytes")
    for done, total in ((1000, 0), (2000, 0), (2000, 4000), (4000, 4000), (4000, 4000)):
        show(done, total)
        now += 0.06
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "\rbytes 1,000\rbytes 2,000 of 4,000\rbytes 4,000 of 4,000\n"


def test_importing_it_is_light() -> None:
    heavy = ("torch", "duckdb", "pandas", "sklearn", "cv2", "pyarrow")
    code = f"import sys, fer_core.tasks; print([m for m in {heavy} if m in sys.modules])"
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True)
    assert done.stdout.strip() == "[]"
