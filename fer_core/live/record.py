"""What was seen in a live session, kept in memory only, and short however long the session lasts."""

from __future__ import annotations

import csv
import io
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

COLUMNS = ("track", "start_s", "end_s", "expression", "mean_probability")
_GAP_S = 1.0  # without a word on a face for longer than this, the face was not seen in between


@dataclass(frozen=True)
class Span:
    """A time through which one face was given one expression.

    Attributes:
        track: the face's number.
        start_s: seconds since the session began.
        end_s: the same; never before `start_s`.
        expression: class name, or `unsure`.
        mean_probability: of the most probable class, over the answers in this time.
    """

    track: int
    start_s: float
    end_s: float
    expression: str
    mean_probability: float

    @property
    def duration_s(self) -> float:
        """Length in seconds; 0 for a single answer."""
        return self.end_s - self.start_s


@dataclass
class _Open:
    """A span that goes on."""

    start_s: float
    end_s: float
    expression: str
    total: float
    answers: int

    def closed(self, track: int) -> Span:
        return Span(track, self.start_s, self.end_s, self.expression, self.total / self.answers)


class SessionRecord:
    """The expressions of each face as spans of time. Safe to use from several threads.

    Args:
        most_spans: spans that are kept; past it the oldest are forgotten, and `forgotten` counts them.
    """

    def __init__(self, most_spans: int = 20_000) -> None:
        self._lock = threading.Lock()
        self._spans: deque[Span] = deque(maxlen=most_spans)
        self._open: dict[int, _Open] = {}
        self._forgotten = 0

    @property
    def forgotten(self) -> int:
        """Oldest spans that are not kept any more."""
        with self._lock:
            return self._forgotten

    def note(self, at_s: float, seen: Iterable[tuple[int, str, float]]) -> None:
        """One answer: (track, expression, probability) of every face in the frame of time `at_s`.

        A change of expression ends one span and starts the next at the same time. A face of which nothing was heard
        for more than a second ends where it was last seen.
        """
        with self._lock:
            for track, expression, probability in seen:
                going = self._open.get(track)
                if going is not None and at_s - going.end_s > _GAP_S:
                    self._close(track)
                    going = None
                if going is not None:
                    going.end_s = max(going.end_s, at_s)
                    if going.expression == expression:
                        going.total += probability
                        going.answers += 1
                        continue
                    self._close(track)
                self._open[track] = _Open(at_s, at_s, expression, probability, 1)
            for track in [t for t, going in self._open.items() if at_s - going.end_s > _GAP_S]:
                self._close(track)

    def _close(self, track: int) -> None:
        if len(self._spans) == self._spans.maxlen:
            self._forgotten += 1
        self._spans.append(self._open.pop(track).closed(track))

    def spans(self) -> list[Span]:
        """Every span that is kept, those that go on included, by start and track; empty before the first answer."""
        with self._lock:
            every = [*self._spans, *(going.closed(track) for track, going in self._open.items())]
        return sorted(every, key=lambda span: (span.start_s, span.track))

    def shares(self, track: int | None = None) -> dict[str, float]:
        """Share of the time by expression, longest first, sum 1; empty where no time has passed.

        Args:
            track: of this face alone; None adds the times of all faces up.
        """
        seconds: dict[str, float] = {}
        for span in self.spans():
            if track in (None, span.track):
                seconds[span.expression] = seconds.get(span.expression, 0.0) + span.duration_s
        total = sum(seconds.values())
        ordered = sorted(seconds.items(), key=lambda item: -item[1])
        return {name: s / total for name, s in ordered if s > 0} if total > 0 else {}

    def as_csv(self) -> str:
        """The spans as CSV with the columns of `COLUMNS`, times to a millisecond; the header alone where none is."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(_rows(self.spans()))
        return out.getvalue()

    def clear(self) -> None:
        """Forgets everything."""
        with self._lock:
            self._spans.clear()
            self._open.clear()
            self._forgotten = 0


def _rows(spans: Iterable[Span]) -> Iterator[tuple[int, str, str, str, str]]:
    for span in spans:
        yield span.track, f"{span.start_s:.3f}", f"{span.end_s:.3f}", span.expression, f"{span.mean_probability:.4f}"
