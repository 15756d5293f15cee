"""The recipe as a whole."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from fer_core.errors import DataError
from fer_core.labels import FER7, canonical, class_set
from training.recipe.parts import (
    AugmentSpec,
    GroupSpec,
    LossSpec,
    ModelSpec,
    OptimiserSpec,
    Part,
    PhaseSpec,
    PreprocessSpec,
    StoppingSpec,
    SvmSpec,
    TargetSpec,
)


class Recipe(Part):
    """A training run but for its data.

    Attributes:
        name: name of the recipe and of the checkpoint that comes out.
        summary: one line for lists.
        classes: class names in the order of the outputs.
        labels: `given` with the data, or `ferplus-majority`: those that most of FER+'s annotators gave
            (`fer_core.data.ferplus_majority`); faces on which they do not agree, or on no class, are left out.
        svm: where it is given, no network is trained: a support-vector machine learns from a checkpoint's features.
        groups: layers with learning rates of their own; layers of no group have the optimiser's.
        phases: stretches of epochs, in order; none is one phase in which everything is trained.
        epochs: of all phases together; where there are phases it follows from them.
        batch_size: faces of a step.
        sampling: `shuffle` shows every face once an epoch; `balanced` as many of each class, the rare ones repeated.
        seed: of all chance: first weights, order, augmentation; the same seed gives the same run on the same machine.
        average_decay: decay per step of the moving average of the weights, which is what is shipped; 0 switches it off.
        precision: `auto` is bfloat16 where that is faster, see `training.fit.lightning_precision`, else float32.
        select: ship the weights of the epoch with the best validation accuracy, or those of the last epoch.
        weights: `float16` writes the checkpoint's kernels and matrices rounded to 11 bits, in half the space; they are
            computed with in float32 all the same, and the card's figures are of the rounded ones.
        flip_at_test: evaluate on the mean of face and mirror image; goes into the card.
        licence: licence of the weights; goes into the card, as do the next two.
        intended_use: what the model is for.
        limits: what it is not for.
    """

    name: str
    summary: str = ""
    model: ModelSpec
    svm: SvmSpec | None = None
    preprocess: PreprocessSpec = PreprocessSpec()
    classes: tuple[str, ...] = FER7.names
    labels: Literal["given", "ferplus-majority"] = "given"
    target: TargetSpec = TargetSpec()
    loss: LossSpec = LossSpec()
    augment: AugmentSpec = AugmentSpec()
    optimiser: OptimiserSpec = OptimiserSpec()
    groups: tuple[GroupSpec, ...] = ()
    phases: tuple[PhaseSpec, ...] = ()
    stopping: StoppingSpec = StoppingSpec()
    epochs: int = Field(20, ge=1)
    batch_size: int = Field(128, ge=2)
    sampling: Literal["shuffle", "balanced"] = "shuffle"
    seed: int = Field(0, ge=0, lt=2**31)
    average_decay: float = Field(0.998, ge=0, lt=1)
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    select: Literal["best", "last"] = "best"
    weights: Literal["float32", "float16"] = "float32"
    flip_at_test: bool = True
    licence: str = ""
    intended_use: str = ""
    limits: str = ""

    @field_validator("classes")
    @classmethod
    def _valid_classes(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        try:
            return class_set(names).names
        except DataError as error:
            raise ValueError(str(error)) from error

    @model_validator(mode="after")
    def _weights_of_known_classes(self) -> Self:
        weights = self.loss.class_weights
        if isinstance(weights, dict):
            unknown = [name for name in weights if canonical(name) not in self.classes]
            if unknown:
                raise ValueError(f"loss.class_weights names {', '.join(unknown)}, but the classes are {self.classes}")
            if not any(weights.get(name, 1.0) for name in self.classes):
                raise ValueError("loss.class_weights leaves no class a weight above zero")
        return self

    @model_validator(mode="after")
    def _phases_make_the_epochs(self) -> Self:
        for kind, names in (("phases", [p.name for p in self.phases]), ("groups", [g.name for g in self.groups])):
            if len(set(names)) < len(names):
                raise ValueError(f"{kind}: each needs a name of its own, not {', '.join(names)}")
        groups = {g.name for g in self.groups}
        for phase in self.phases:
            unknown = sorted(set(phase.rates) - groups)
            if unknown:
                raise ValueError(
                    f"phase {phase.name}: rates names {', '.join(unknown)}; the groups are {', '.join(sorted(groups))}"
                )
        if self.phases:
            total = sum(p.epochs for p in self.phases)
            if "epochs" in self.model_fields_set and self.epochs != total:
                raise ValueError(
                    f"epochs is {self.epochs}, but the phases have {total} together; leave epochs out, as it follows "
                    "from those of each phase: phases.0.epochs, phases.1.epochs and so on"
                )
            object.__setattr__(self, "epochs", total)
        return self

    def every_phase(self) -> tuple[PhaseSpec, ...]:
        """The phases, of which there is always one: `all` where the recipe names none."""
        return self.phases or (PhaseSpec(name="all", epochs=self.epochs),)

    def phase_at(self, epoch: int) -> tuple[PhaseSpec, int]:
        """The phase that an epoch (from 0) is in, and the phase's first epoch; after the end that is the last one."""
        first = 0
        phases = self.every_phase()
        for phase in phases[:-1]:
            if epoch < first + phase.epochs:
                return phase, first
            first += phase.epochs
        return phases[-1], first
