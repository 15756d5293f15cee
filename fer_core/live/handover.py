"""The hand-over between a camera's callback, which must never wait, and the thread in which the models work.

A queue in front of a model that is slower than the camera grows, and with it the lag. Here one place stands between the
two: a frame that the model has not taken when the next one comes is dropped.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

Item = TypeVar("Item")
Task = TypeVar("Task")
Answer = TypeVar("Answer")

_log = logging.getLogger(__name__)
_ANSWERS = 8  # that wait to be taken; a callback that takes them at each frame never finds more than two


class OneSlot(Generic[Item]):
    """A place for one item. Putting never waits and throws out what was there."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._item: Item | None = None
        self._closed = False

    def put(self, item: Item) -> bool:
        """Leaves an item; whether another was thrown out for it. After `close` the item itself is thrown out."""
        with self._changed:
            if self._closed:
                return True
            lost = self._item is not None
            self._item = item
            self._changed.notify()
            return lost

    def take(self) -> Item | None:
        """The item, waiting until there is one; None once the slot is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._item is not None or self._closed)
            item, self._item = self._item, None
            return None if self._closed else item

    @property
    def closed(self) -> bool:
        """Whether nothing is taken any more."""
        return self._closed

    def close(self) -> None:
        """Throws out what is there and lets whoever waits go."""
        with self._changed:
            self._closed, self._item = True, None
            self._changed.notify_all()


class Faults:
    """What went wrong inside a model. The first of each kind is kept and told once; those after it are counted.

    Two faults are of one kind where the same line of code raised the same type, so that a fault in every frame fills
    neither the memory nor the log. Safe to use from several threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, str, int], int] = {}
        self._untold: list[str] = []

    @contextlib.contextmanager
    def kept(self, what: str) -> Iterator[None]:
        """Keeps what the block raises and goes on after it. `what` failed stands in the sentence."""
        try:
            yield
        except Exception as error:  # noqa: BLE001  (kept and told: one bad frame must not end the picture)
            if self._keep(what, error):
                _log.exception("%s failed", what)

    def _keep(self, what: str, error: Exception) -> bool:
        """Whether this is the first of its kind."""
        last = traceback.extract_tb(error.__traceback__)[-1]
        kind = (type(error).__name__, last.filename, last.lineno or 0)
        with self._lock:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            if self._counts[kind] > 1:
                return False
            self._untold.append(f"{what} failed: {type(error).__name__}: {error}")
            return True

    @property
    def count(self) -> int:
        """Faults since the last `forget`, repeated ones included."""
        with self._lock:
            return sum(self._counts.values())

    def take(self) -> list[str]:
        """One sentence for each kind of fault that was not told yet."""
        with self._lock:
            untold, self._untold = self._untold, []
            return untold

    def forget(self) -> None:
        """Starts again: the same faults are told once more. For a new model."""
        with self._lock:
            self._counts.clear()
            self._untold.clear()


class Worker(Generic[Task, Answer]):
    """A thread that works on the newest task only.

    Args:
        work: makes an answer of a task, in the worker's thread. What it raises is kept in `faults`.
        faults: where that is kept.
        then: called in the worker's thread with each answer, once it can be taken.
    """

    def __init__(
        self, work: Callable[[Task], Answer], faults: Faults, then: Callable[[Answer], None] | None = None
    ) -> None:
        self._work = work
        self._faults = faults
        self._then = then
        self._slot: OneSlot[Task] = OneSlot()
        self._answers: deque[Answer] = deque(maxlen=_ANSWERS)
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Starts the thread; does nothing where it runs. One that was told to end and still works is left to end."""
        if self.running and not self._slot.closed:
            return
        self._slot, self._answers = OneSlot(), deque(maxlen=_ANSWERS)
        run = (self._slot, self._answers)
        self._thread = threading.Thread(target=self._run, args=run, name="live-model", daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether the thread is alive."""
        return self._thread is not None and self._thread.is_alive()

    def give(self, task: Task) -> bool:
        """Hands a task over without waiting; whether an older one was dropped for it (or this one, when stopped)."""
        return self._slot.put(task)

    def answers(self) -> list[Answer]:
        """The answers that came since the last call, oldest first; never waits."""
        taken = []
        while self._answers:
            taken.append(self._answers.popleft())
        return taken

    def stop(self, timeout_s: float = 5.0) -> bool:
        """Ends the thread after the task it works on; False where that takes longer than `timeout_s`."""
        self._slot.close()
        if self._thread is not None:
            self._thread.join(timeout_s)
        return not self.running

    def _run(self, slot: OneSlot[Task], answers: deque[Answer]) -> None:
        while (task := slot.take()) is not None:
            with self._faults.kept("The live analysis"):
                answer = self._work(task)
                answers.append(answer)
                if self._then:
                    self._then(answer)
