"""What every check shares: the registry, the finding, and what may be done about it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from fer_core.errors import DataError, FERScopeError

if TYPE_CHECKING:
    from fer_core.data.audit.context import AuditContext

Severity = Literal["high", "medium", "low", "none"]
RemedyKind = Literal["exclude", "move", "relabel", "keep"]
UNLABELLED = "unlabelled"


class Stopped(FERScopeError):  # noqa: N818  (no fault, but a wish)
    """The user asked to stop. `audit` catches it and gives a report of what was done until then."""


class NotApplicable(FERScopeError):  # noqa: N818  (no fault, but a reason)
    """A check cannot run on these samples; the message says what it would need."""


@dataclass(frozen=True)
class Remedy:
    """What one click would do about a finding; `apply_remedy` does it.

    Attributes:
        kind: `exclude` takes samples out, `move` brings the samples of a group into one split, `relabel` gives them
            the label in `labels`, `keep` leaves everything as it is.
        sample_ids: the samples that it would be done to.
        sentence: what it does and why, for the reader.
        labels: proposed labels by sample id; empty where none can be proposed.
    """

    kind: RemedyKind
    sample_ids: tuple[str, ...]
    sentence: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Finding:
    """What a check found.

    Attributes:
        check: name of the check.
        title: the same for a heading.
        what: one sentence with the number.
        severity: `high` changes results, `medium` may, `low` is worth knowing, `none`: nothing was found.
        sample_ids: the samples concerned, the most suspect first where there are `scores`. Empty where the finding is
            about the whole data set (imbalance, drift).
        groups: sample ids that belong together, e.g. twins; empty where samples stand alone.
        by_class: samples concerned by class, in the order of the classes, classes without any left out; `unlabelled`
            comes last.
        scores: one per sample id, descending: the higher, the more suspect. Empty where there is no ranking.
        figures: numbers for the reader and for JSON; a rate is a dict of `k`, `n`, `rate` and its Wilson `interval`.
        remedy: what can be done.
        count: how many are concerned: samples, or what `unit` says.
        unit: what is counted.
    """

    check: str
    title: str
    what: str
    severity: Severity
    sample_ids: tuple[str, ...]
    groups: tuple[tuple[str, ...], ...]
    by_class: dict[str, int]
    scores: tuple[float, ...]
    figures: dict[str, Any]
    remedy: Remedy
    count: int
    unit: str = "samples"

    def as_json(self) -> dict[str, Any]:
        """Everything but the title, for JSON; numbers that are not finite become None."""
        return {
            "check": self.check,
            "count": self.count,
            "unit": self.unit,
            "severity": self.severity,
            "what": self.what,
            "by_class": dict(self.by_class),
            "sample_ids": list(self.sample_ids),
            "groups": [list(group) for group in self.groups],
            "scores": [plain(score) for score in self.scores],
            "figures": plain(self.figures),
            "remedy": {
                "kind": self.remedy.kind,
                "sample_ids": list(self.remedy.sample_ids),
                "sentence": self.remedy.sentence,
                "labels": dict(self.remedy.labels),
            },
        }


def plain(value: Any) -> Any:
    """The value as JSON has it: tuples as lists, NaN and infinity as None."""
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value


def rate(k: int, n: int) -> dict[str, Any]:
    """`k` of `n` with the Wilson interval (95 %); rate and bounds are NaN where n is 0."""
    from fer_core.evaluate.metrics import wilson_interval  # scipy

    return {"k": int(k), "n": int(n), "rate": k / n if n else math.nan, "interval": list(wilson_interval(k, n))}


def shown(figure: Mapping[str, Any]) -> str:
    """A rate for a sentence: `8.4 % [7.5, 9.3] of 3,589`."""
    if not figure["n"]:
        return "none of 0"
    low, high = figure["interval"]
    return f"{100 * figure['rate']:.1f} % [{100 * low:.1f}, {100 * high:.1f}] of {figure['n']:,}"


Run = Callable[["AuditContext"], Finding]


@dataclass(frozen=True)
class Check:
    """A check of a data set.

    Attributes:
        name: short and unique, e.g. `exact-twins-across-splits`.
        summary: one line for lists: what it looks for.
        severity: of a finding that is not empty.
        run: does it; raises `NotApplicable` where the samples lack what it needs.
    """

    name: str
    summary: str
    severity: Severity
    run: Run


REGISTRY: dict[str, Check] = {}


def register(name: str, severity: Severity) -> Callable[[Run], Run]:
    """Decorator: makes a function `f(context) -> Finding` a check; the first line of its docstring is the summary."""

    def add(run: Run) -> Run:
        if name in REGISTRY:
            raise ValueError(f"the check {name!r} is registered twice")
        REGISTRY[name] = Check(name, (run.__doc__ or name).splitlines()[0].rstrip("."), severity, run)
        return run

    return add


def chosen(names: tuple[str, ...]) -> tuple[Check, ...]:
    """Checks by name, in the order given.

    Raises:
        DataError: an unknown name; the message lists the known ones.
    """
    unknown = [name for name in names if name not in REGISTRY]
    if unknown:
        raise DataError(f"There is no check {', '.join(unknown)}; there are {', '.join(sorted(REGISTRY))}.")
    return tuple(REGISTRY[name] for name in names)
