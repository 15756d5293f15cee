"""Several recipes and seeds within a time: `python -m training candidates`. Called again, it goes on.

Made for a graphics card that one has for minutes: small networks leave most of it idle, so that several train beside
one another, each in a process of its own. What is not done when the time is over keeps its state; what is done stays.
"""

from __future__ import annotations

import os
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

if TYPE_CHECKING:
    from fer_core.card import Card

_LOOK_EVERY_S = 0.2
_TO_KEEP_S = 60.0  # for what is trained to keep its state, before it is killed


@dataclass(frozen=True)
class Candidate:
    """A recipe with a seed.

    Attributes:
        recipe: name, or path of a YAML file.
        seed: of the run.
        folder: of the checkpoint that comes out; its name is that of the run.
    """

    recipe: str
    seed: int
    folder: Path

    def card(self) -> Card | None:
        """The card of its checkpoint, once it has been measured."""
        from fer_core.card import CARD, read_card

        card = read_card(self.folder) if (self.folder / CARD).is_file() else None
        return card if card and "validation" in card.metrics else None


@dataclass
class Outcome:
    """What came of all of them.

    Attributes:
        done: cards by name, the highest validation accuracy first.
        waiting: names of those that go on when called again, begun or not.
        failed: names of those that ended with a mistake, and what they said last.
    """

    done: dict[str, Card] = field(default_factory=dict)
    waiting: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Plain values: figures of who is done, names of the others."""
        figures = {name: _figures(card) for name, card in self.done.items()}
        return {"done": figures, "waiting": self.waiting, "failed": self.failed}

    def as_text(self) -> str:
        """A line for each."""
        lines = []
        for name, card in self.done.items():
            row = _figures(card)
            rate = percent(row["accuracy"], row["accuracy_interval"])
            lines.append(f"{name:<28} {rate}, balanced {percent(row['balanced_accuracy'])}")
        lines += [f"{name:<28} not done; the same command goes on" for name in self.waiting]
        return "\n".join([*lines, *(f"{name:<28} failed: {why}" for name, why in self.failed.items())])


def _figures(card: Card) -> dict[str, Any]:
    wanted = ("n", "accuracy", "accuracy_interval", "balanced_accuracy", "macro_f1", "log_loss", "ece")
    return {name: card.metrics["validation"][name] for name in wanted}


def train_candidates(candidates: Sequence[Candidate], options: Sequence[str], seconds: float, at_once: int) -> Outcome:
    """Trains those that are not done, in their order.

    Args:
        candidates: which.
        options: of `python -m training fit`, the same for all.
        seconds: after which all are asked to keep their state and end; they have a minute for that.
        at_once: processes beside one another.
    """
    outcome, deadline = Outcome(), time.monotonic() + seconds
    queue = deque(one for one in candidates if one.card() is None)
    running: dict[Candidate, subprocess.Popen[bytes]] = {}
    with ExitStack() as logs:
        try:
            while (queue or running) and time.monotonic() < deadline:
                while queue and len(running) < at_once:
                    one = queue.popleft()
                    running[one] = _start(one, options, logs)
                for one in [one for one, process in running.items() if process.poll() is not None]:
                    if running.pop(one).returncode:
                        outcome.failed[one.folder.name] = _last_line(_log(one))
                time.sleep(_LOOK_EVERY_S)
        finally:
            for process in running.values():
                process.terminate()
            for process in running.values():
                _await(process)
    cards = {one.folder.name: card for one in candidates if (card := one.card())}
    outcome.done = dict(sorted(cards.items(), key=lambda pair: -pair[1].metrics["validation"]["accuracy"]))
    names = [one.folder.name for one in candidates]
    outcome.waiting = [name for name in names if name not in outcome.done and name not in outcome.failed]
    return outcome


def _start(one: Candidate, options: Sequence[str], logs: ExitStack) -> subprocess.Popen[bytes]:
    log = _log(one)
    log.parent.mkdir(parents=True, exist_ok=True)
    name = one.folder.name
    command = [sys.executable, "-m", "training", "fit", one.recipe, *options]
    command += ["--set", f"seed={one.seed}", "--run", name, "--out", str(one.folder)]
    here = {**os.environ, "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")}
    file = logs.enter_context(log.open("ab"))
    return subprocess.Popen(command, stdout=file, stderr=file, env=here)  # noqa: S603


def _log(one: Candidate) -> Path:
    return one.folder.parent / f"{one.folder.name}.log"


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line for line in reversed(lines) if line.strip()), "it said nothing")


def _await(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(_TO_KEEP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def candidates_command(  # noqa: PLR0913, PLR0917  (a command line has as many options as it has)
    recipes: Annotated[list[str], typer.Argument(help="Names of recipes, or paths of YAML files.")],
    data: Annotated[Path, typer.Option(help="Name of an imported data set, or path: fer2013.csv, Parquet, folder.")],
    out: Annotated[Path, typer.Option(help="Folder of the checkpoints and logs; the same one goes on.")],
    labels: Annotated[Path | None, typer.Option(help="FER+ votes (fer2013new.csv) for FER2013.")] = None,
    changes: Annotated[list[str] | None, typer.Option("--set", help="Change a value in all: key=value.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Seeds of each recipe, from 0.")] = 1,
    minutes: Annotated[float, typer.Option(min=0.01, help="How long; then states are kept.")] = 9.0,
    at_once: Annotated[int, typer.Option(min=1, help="How many train beside one another.")] = 4,
    as_json: Json = False,
) -> None:
    """Train several recipes and seeds within a time, and tell which is best; called again, it goes on."""
    from training.recipe import load_recipe

    stems = [load_recipe(recipe, changes or []).name for recipe in recipes]
    if len(set(stems)) < len(stems):
        raise DataError(f"Two recipes have one name among {', '.join(stems)}; give each a name of its own.")
    candidates = [
        Candidate(recipe, seed, out / f"{stem}-seed{seed}")
        for seed in range(seeds)
        for recipe, stem in zip(recipes, stems, strict=True)
    ]
    options = ["--data", str(data), *(["--labels", str(labels)] if labels else [])]
    options += [part for change in changes or [] for part in ("--set", change)]
    outcome = train_candidates(candidates, options, 60 * minutes, at_once)
    emit(outcome.as_json(), as_json, outcome.as_text())
    if outcome.failed:
        raise typer.Exit(1)
