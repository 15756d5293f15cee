"""What was seen in a live session, kept in memory only, and short however long the session lasts."""

from __future__ import annotations

import csv
import io
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

NO_FACE = "no face"
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
        self._watched: deque[tuple[float, float]] = deque(maxlen=most_spans)
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
            self._watch(at_s)
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

    def _watch(self, at_s: float) -> None:
        """Answers that come within a second of one another are one time of watching."""
        start_s, end_s = self._watched[-1] if self._watched else (at_s, at_s)
        if at_s - end_s > _GAP_S:
            self._watched.append((at_s, at_s))
        elif self._watched:
            self._watched[-1] = (start_s, max(end_s, at_s))
        else:
            self._watched.append((at_s, at_s))

    def watched(self) -> list[tuple[float, float]]:
        """The times, start and end in seconds, through which answers came; the camera was off in between."""
        with self._lock:
            return list(self._watched)

    def no_face(self) -> list[tuple[float, float]]:
        """The times of more than a second that were watched and showed no face, oldest first."""
        seen = sorted((span.start_s, span.end_s) for span in self.spans())
        return [gap for watched in self.watched() for gap in _gaps(watched, seen) if gap[1] - gap[0] > _GAP_S]

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
        """The spans as CSV with the columns of `COLUMNS`, times to a millisecond; the header alone where none is.

        A time without a face has neither a track nor a probability.
        """
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(COLUMNS)
        empty = (("", f"{start_s:.3f}", f"{end_s:.3f}", NO_FACE, "") for start_s, end_s in self.no_face())
        rows: list[tuple[str, ...]] = [*_rows(self.spans()), *empty]
        rows.sort(key=_start_s)
        writer.writerows(rows)
        return out.getvalue()

    def clear(self) -> None:
        """Forgets everything."""
        with self._lock:
            self._spans.clear()
            self._open.clear()
            self._watched.clear()
            self._forgotten = 0


def _gaps(watched: tuple[float, float], seen: Sequence[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """The parts of a time that none of `seen`, in the order of their starts, covers."""
    free_from, end_s = watched
    for start_s, stop_s in seen:
        if start_s >= end_s:
            break
        if start_s > free_from:
            yield free_from, start_s
        free_from = max(free_from, stop_s)
    if free_from < end_s:
        yield free_from, end_s


def _rows(spans: Iterable[Span]) -> Iterator[tuple[str, ...]]:
    for span in spans:
        start, end = f"{span.start_s:.3f}", f"{span.end_s:.3f}"
        yield str(span.track), start, end, span.expression, f"{span.mean_probability:.4f}"


def _start_s(row: tuple[str, ...]) -> float:
    return float(row[1])
