"""What a run would cost, from one batch: shapes, parameters, memory, disk and time, before anything is begun."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from statistics import median
from typing import Any

import torch

from fer_core.data import SampleTable
from fer_core.durations import duration
from fer_core.errors import RecipeError
from fer_core.labels import class_set
from training.allocator import freed_memory_kept
from training.asking import ask
from training.data import chosen_samples, label_indices, labelled, load_tensors
from training.fit import lightning_precision, prepare
from training.layers import make_optimiser
from training.memory import kept_for_the_way_back, one_step, out_of_memory, too_large
from training.module import FERModule
from training.recipe import PhaseSpec, Recipe

_TIMES, _TIMED_S = 5, 2.0  # whatever is timed is done so often, or for so long
_EVALUATED = 512  # faces at once, as in a run


@dataclass(frozen=True)
class DryPhase:
    """One phase of a run.

    Attributes:
        name: the phase's; `all` where the recipe has none.
        epochs: at most.
        steps: of an epoch.
        trainable: parameters that do not stand still.
        step_s: seconds of one step, the median.
        optimiser_mb: what the optimiser remembers.
        memory_mb: what a step holds at once: weights, their moving average, gradients, the optimiser's memory and what
            is kept for the way back. What single operations need for themselves comes on top.
    """

    name: str
    epochs: int
    steps: int
    trainable: int
    step_s: float
    optimiser_mb: float
    memory_mb: float


@dataclass(frozen=True)
class DryRun:
    """What one batch tells of a whole run on this machine, if the machine stays as busy as it is now.

    Attributes:
        recipe: its name.
        started_from: where the weights come from, in words.
        device: `cpu` or the card's name.
        precision: `float32` or `bfloat16`.
        batch: (N, C, S, S) of a step.
        logits: (N, K) of its answer.
        parameters: numbers that the network learns.
        training_faces: of an epoch, noise copies included.
        validation_faces: evaluated after each epoch.
        phases: in order, at least one.
        reading_s: seconds until all faces are read, before the first step.
        asking_s: seconds until teachers have answered for all training faces; 0 where they are not asked before.
        validation_s: seconds of one evaluation.
        faces_mb: memory that all faces take.
        disk_mb: what the run leaves on the disk: two states and the checkpoint.
    """

    recipe: str
    started_from: str
    device: str
    precision: str
    batch: tuple[int, ...]
    logits: tuple[int, int]
    parameters: int
    training_faces: int
    validation_faces: int
    phases: tuple[DryPhase, ...]
    reading_s: float
    asking_s: float
    validation_s: float
    faces_mb: float
    disk_mb: float

    @property
    def epoch_s(self) -> float:
        """Seconds of an epoch of the last phase, its evaluation included."""
        return self.phases[-1].steps * self.phases[-1].step_s + self.validation_s

    @property
    def total_s(self) -> float:
        """Seconds of the whole run, if nothing stops it early."""
        epochs_s = sum(p.epochs * (p.steps * p.step_s + self.validation_s) for p in self.phases)
        return self.reading_s + self.asking_s + epochs_s

    @property
    def memory_mb(self) -> float:
        """What the most expensive phase holds at once, with all faces."""
        return self.faces_mb + max(p.memory_mb for p in self.phases)

    def as_json(self) -> dict[str, Any]:
        """Everything, as JSON has it."""
        return asdict(self) | {"epoch_s": self.epoch_s, "total_s": self.total_s, "memory_mb": self.memory_mb}

    def as_text(self) -> str:
        """Some lines for people."""
        shapes = [" x ".join(map(str, shape)) for shape in (self.batch, self.logits)]
        lines = [
            f"{self.recipe} on {self.device} in {self.precision}, starting from {self.started_from}",
            f"  {shapes[0]} in, {shapes[1]} out, {self.parameters:,} parameters",
            f"  {self.training_faces:,} faces to train on, {self.validation_faces:,} to validate",
        ]
        for p in self.phases:
            lines.append(f"  {p.name}: {p.epochs} x {p.steps:,} steps of {1000 * p.step_s:,.0f} ms,")
            lines[-1] += f" {p.trainable:,} parameters learn, {p.memory_mb:,.0f} MB"
        if self.asking_s:
            lines.append(f"  its teachers are asked about every face before, which takes {duration(self.asking_s)},")
        lines.append(f"  an epoch takes {duration(self.epoch_s)}, the whole {duration(self.total_s)},")
        lines[-1] += f" {self.memory_mb:,.0f} MB of memory and {self.disk_mb:,.0f} MB of disk"
        return "\n".join(lines)


def dry_run(recipe: Recipe, samples: SampleTable) -> DryRun:
    """Makes a few steps of each phase on one batch, and says what the whole run would take.

    A batch of faces is read, as many of each class as there are; of all others the label is looked at, so that what is
    wrong with it is told. Nothing is written.

    Raises:
        RecipeError: as `fit`; or a support-vector machine, which has no steps.
        TrainingError: a batch does not fit into memory; the message names the size that does.
        DataError, ModelError, UnavailableError: as `fit`.
    """
    if recipe.svm:
        raise RecipeError(f"{recipe.name} is fitted at once, without steps of which one could be tried; start it.")
    samples = labelled(samples, recipe)
    training, validation = samples.split("train"), samples.split("validation")
    few = _some(training, recipe, recipe.batch_size), _some(validation, recipe, _EVALUATED)
    began = time.perf_counter()
    load_tensors(few[1], recipe)
    reading_s = (time.perf_counter() - began) / len(few[1]) * (len(training) + len(validation))
    module, started_from = prepare(recipe, *few)
    autocast = lightning_precision(recipe.precision, module) == "bf16-mixed"
    faces = len(training) * (1 + recipe.augment.noise_copies)
    size = min(recipe.batch_size, faces)
    try:
        with freed_memory_kept():
            phases = tuple(_tried(module, phase, size, faces // size, autocast) for phase in recipe.every_phase())
            validation_s = len(validation) * _evaluation_s(module, autocast)
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        raise too_large(module, autocast) from error
    pixels = module.training_data.pixels
    weights_mb = _megabytes(module.state_dict().values())
    return DryRun(
        recipe=recipe.name,
        started_from=started_from,
        device=torch.cuda.get_device_name() if pixels.is_cuda else "cpu",
        precision="bfloat16" if autocast else "float32",
        batch=(size, *pixels.shape[1:]),
        logits=(size, len(recipe.classes)),
        parameters=sum(p.numel() for p in module.parameters()),
        training_faces=faces,
        validation_faces=len(validation),
        phases=phases,
        reading_s=reading_s,
        asking_s=len(training) * _asking_s(recipe, few[0]),
        validation_s=validation_s,
        faces_mb=pixels[0].nbytes * (faces + len(validation)) / 1e6,
        disk_mb=2 * (_averaged(recipe) * weights_mb + phases[-1].optimiser_mb) + weights_mb,
    )


def _asking_s(recipe: Recipe, few: SampleTable) -> float:
    """Seconds per face."""
    if not recipe.target.teachers or recipe.target.teachers_see != "faces":
        return 0.0
    return _median_s(lambda: ask(recipe.target.teachers, few, recipe.classes)) / len(few)


def _some(samples: SampleTable, recipe: Recipe, number: int) -> SampleTable:
    """So many samples, and of each class that there is at least some."""
    labels = label_indices(samples, class_set(recipe.classes)).numpy()
    rows = chosen_samples(labels, max(number, 4 * len(recipe.classes)), recipe.seed)
    return replace(samples, table=samples.table.take(rows))


def _tried(module: FERModule, phase: PhaseSpec, size: int, steps: int, autocast: bool) -> DryPhase:
    """A few steps in a phase; the weights are not those that a run would begin with any more."""
    module.enter(phase)
    optimiser = make_optimiser(module.model, module.recipe.optimiser, module.recipe.groups)
    with kept_for_the_way_back(module) as held:
        one_step(module, optimiser, size, autocast)  # the first one is slower than the others, too
    step_s = _median_s(lambda: one_step(module, optimiser, size, autocast))
    learning = [p for p in module.parameters() if p.requires_grad]
    states = (t for state in optimiser.state.values() for t in state.values() if isinstance(t, torch.Tensor))
    optimiser_mb = _megabytes(states)
    weights_mb = _averaged(module.recipe) * _megabytes(module.state_dict().values())
    return DryPhase(
        name=phase.name,
        epochs=phase.epochs,
        steps=steps,
        trainable=sum(p.numel() for p in learning),
        step_s=step_s,
        optimiser_mb=optimiser_mb,
        memory_mb=weights_mb + _megabytes(learning) + optimiser_mb + sum(held.values()) / 1e6,
    )


def _evaluation_s(module: FERModule, autocast: bool) -> float:
    """Seconds per face."""
    pixels = module.validation_data.pixels[:_EVALUATED]
    module.eval()

    def evaluate() -> None:
        with torch.inference_mode(), torch.autocast(pixels.device.type, dtype=torch.bfloat16, enabled=autocast):
            module.probabilities(pixels)

    return _median_s(evaluate) / len(pixels)


def _median_s(work: Callable[[], object]) -> float:
    """Seconds of a piece of work, done a few times, once at least."""
    found: list[float] = []
    while len(found) < _TIMES and sum(found) < _TIMED_S:
        began = time.perf_counter()
        work()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        found.append(time.perf_counter() - began)
    return median(found)


def _averaged(recipe: Recipe) -> int:
    """How often the weights are there: a second time where their moving average is kept."""
    return 2 if recipe.average_decay else 1


def _megabytes(tensors: Iterable[torch.Tensor]) -> float:
    return sum(t.nbytes for t in tensors) / 1e6
