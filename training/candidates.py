"""Several recipes and seeds within a time: `python -m training candidates`. Called again, it goes on.

Made for a graphics card that one has for minutes: small networks leave most of it idle, so that several train beside
one another, each in a process of its own. What is not done when the time is over keeps its state; what is done stays.
Where the machine is another one the next time, a folder goes home and comes back: `training.homing`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fer_core.cli import Json, emit, percent
from fer_core.errors import DataError
from training.candidate import Candidate
from training.homing import Home

if TYPE_CHECKING:
    from fer_core.card import Card

_LOOK_EVERY_S = 0.2
_TO_KEEP_S = 60.0  # for all that train to keep their states, before they are killed
_ASKED_TO_END = {143, -signal.SIGTERM}  # see `training.interrupt`; the second before the first step


@dataclass
class Outcome:
    """What came of all of them.

    Attributes:
        done: cards by name, the highest validation accuracy first.
        waiting: names of those that go on when called again, begun or not.
        failed: names of those that ended with a mistake, now or in an earlier call, and what they said last.
        left: names of those whose checkpoint or state did not fit into the home.
        home_bytes: of all that is to go home; 0 without one.
    """

    done: dict[str, Card] = field(default_factory=dict)
    waiting: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)
    home_bytes: int = 0

    def as_json(self) -> dict[str, Any]:
        """Plain values: figures of who is done, names of the others."""
        figures = {name: _figures(card) for name, card in self.done.items()}
        rest = {"waiting": self.waiting, "failed": self.failed, "left": self.left, "home_bytes": self.home_bytes}
        return {"done": figures, **rest}

    def as_text(self) -> str:
        """A line for each."""
        lines = []
        for name, card in self.done.items():
            row = _figures(card)
            rate = percent(row["accuracy"], row["accuracy_interval"])
            lines.append(f"{name:<28} {rate}, balanced {percent(row['balanced_accuracy'])}")
        lines += [f"{name:<28} not done; the same command goes on" for name in self.waiting]
        lines += [f"{name:<28} failed: {why}" for name, why in self.failed.items()]
        lines += [f"{name:<28} does not fit into what goes home" for name in self.left]
        return "\n".join([*lines, *([f"to take home: {self.home_bytes / 2**20:.1f} MiB"] if self.home_bytes else [])])


def _figures(card: Card) -> dict[str, Any]:
    wanted = ("n", "accuracy", "accuracy_interval", "balanced_accuracy", "macro_f1", "log_loss", "ece")
    return {name: card.metrics["validation"][name] for name in wanted}


@dataclass(frozen=True)
class Terms:
    """How they are trained.

    Attributes:
        options: of `python -m training fit`, the same for all.
        until: time (`time.monotonic`) at which all are asked to keep their state and end; they have a minute for that.
        at_once: processes beside one another.
        home: where what is to go home is kept.
    """

    options: tuple[str, ...]
    until: float
    at_once: int
    home: Home | None = None


def train_candidates(candidates: Sequence[Candidate], terms: Terms) -> Outcome:
    """Trains those that are neither done nor have failed, in their order.

    Raises:
        DataError: a folder of theirs, or the home, holds something else; nothing is trained then.
    """
    if terms.home:
        for one in candidates:
            one.fetch(terms.home)
    queue = deque(one for one in candidates if one.card() is None and not one.failure())
    running: dict[Candidate, subprocess.Popen[bytes]] = {}
    with ExitStack() as logs:
        try:
            while (queue or running) and time.monotonic() < terms.until:
                while queue and len(running) < terms.at_once:
                    one = queue.popleft()
                    running[one] = _start(one, terms.options, logs)
                for one in [one for one, process in running.items() if process.poll() is not None]:
                    _note_end(one, running.pop(one).returncode, terms.home)
                time.sleep(_LOOK_EVERY_S)
        finally:
            _end(running, terms.home)
    return _outcome(candidates, terms.home)


def _end(running: dict[Candidate, subprocess.Popen[bytes]], home: Home | None) -> None:
    """Asks all to end, waits for them for a minute in all, and kills who is left."""
    for process in running.values():
        process.terminate()
    last = time.monotonic() + _TO_KEEP_S
    for one, process in running.items():
        try:
            _note_end(one, process.wait(max(0.0, last - time.monotonic())), home)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _note_end(one: Candidate, status: int, home: Home | None) -> None:
    if status == 0:
        if home:
            one.take_home(home)  # at once: the machine may be taken away before the time is over
    elif status not in _ASKED_TO_END:
        by_signal = f"ended by signal {-status}; where memory is short, lower --at-once. Last it said: "
        one.note_failure((by_signal if status < 0 else "") + _last_line(one.log))


def _outcome(candidates: Sequence[Candidate], home: Home | None) -> Outcome:
    failed = {one.name: why for one in candidates if (why := one.failure())}
    cards = {one.name: card for one in candidates if one.name not in failed and (card := one.card())}
    done = dict(sorted(cards.items(), key=lambda pair: -pair[1].metrics["validation"]["accuracy"]))
    waiting = [one for one in candidates if one.name not in cards and one.name not in failed]
    outcome = Outcome(done, [one.name for one in waiting], failed)
    if home:
        for one in waiting:  # whose states would take the place of what is done
            home.drop(one.name)
        first = sorted(candidates, key=lambda one: [*done, *failed, *outcome.waiting].index(one.name))
        outcome.left = [one.name for one in first if not one.take_home(home)]
        outcome.home_bytes = home.total_bytes()
    return outcome


def _start(one: Candidate, options: Sequence[str], logs: ExitStack) -> subprocess.Popen[bytes]:
    log = one.log
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "training", "fit", one.source, *options]
    command += ["--set", f"seed={one.recipe.seed}", "--run", one.name, "--out", str(one.folder)]
    here = {**os.environ, "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")}
    file = logs.enter_context(log.open("ab"))
    return subprocess.Popen(command, stdout=file, stderr=file, env=here)  # noqa: S603


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line for line in reversed(lines) if line.strip()), "it said nothing")


def _planned(
    recipes: Sequence[str], changes: Sequence[str], seeds: int, data: Path, labels: Path | None, out: Path
) -> list[Candidate]:
    """Every recipe with the first seed, then with the next one.

    Raises:
        RecipeError: as `load_recipe`.
        DataError: two recipes of one name, or as `open_samples`.
    """
    from fer_core.data.labelling import under_labels
    from fer_core.data.opening import open_samples
    from training.recipe import load_recipe

    chosen = [load_recipe(recipe, changes) for recipe in recipes]
    stems = [recipe.name for recipe in chosen]
    if len(set(stems)) < len(stems):
        raise DataError(f"Two recipes have one name among {', '.join(stems)}; give each a name of its own.")
    samples = open_samples(data, labels)
    hashes = [under_labels(samples, r.labels, r.classes).split("train").data_hash() for r in chosen]
    return [
        Candidate(source, load_recipe(source, [*changes, f"seed={seed}"]), data_hash, out / f"{stem}-seed{seed}")
        for seed in range(seeds)
        for source, stem, data_hash in zip(recipes, stems, hashes, strict=True)
    ]


def candidates_command(  # noqa: PLR0913, PLR0917  (a command line has as many options as it has)
    recipes: Annotated[list[str], typer.Argument(help="Names of recipes, or paths of YAML files.")],
    data: Annotated[Path, typer.Option(help="Name of an imported data set, or path: fer2013.csv, Parquet, folder.")],
    out: Annotated[Path, typer.Option(help="Folder of the checkpoints and logs; the same one goes on.")],
    labels: Annotated[Path | None, typer.Option(help="FER+ votes (fer2013new.csv) for FER2013.")] = None,
    changes: Annotated[list[str] | None, typer.Option("--set", help="Change a value in all: key=value.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Seeds of each recipe, from 0.")] = 1,
    minutes: Annotated[
        float, typer.Option(min=0.01, help="How long; then states are kept, for which there is another minute.")
    ] = 8.0,
    at_once: Annotated[int, typer.Option(min=1, help="How many train beside one another.")] = 4,
    home: Annotated[
        Path | None, typer.Option(help="Folder to carry to the next machine: what is done, states of the others.")
    ] = None,
    home_mib: Annotated[int, typer.Option(min=1, help="How much may go home; no file is above 16 MiB.")] = 64,
    record: Annotated[bool, typer.Option(help="Record the runs in MLflow, which does not go home.")] = True,
    again: Annotated[bool, typer.Option("--again", help="Try once more what has failed.")] = False,
    as_json: Json = False,
) -> None:
    """Train several recipes and seeds within a time, and tell which is best; called again, it goes on."""
    until = time.monotonic() + 60 * minutes
    candidates = _planned(recipes, changes or [], seeds, data, labels, out)
    place = Home(home, home_mib << 20) if home else None
    for one in candidates if again else ():
        one.forget_failure(place)
    options = ["--data", str(data), *(["--labels", str(labels)] if labels else [])]
    options += [part for change in changes or [] for part in ("--set", change)] + ([] if record else ["--no-record"])
    outcome = train_candidates(candidates, Terms(tuple(options), until, at_once, place))
    emit(outcome.as_json(), as_json, outcome.as_text())
    if outcome.failed:
        raise typer.Exit(1)
