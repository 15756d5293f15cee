"""Which layers a phase trains, and how fast: the parts of a recipe that name layers."""

from __future__ import annotations

from pydantic import Field

from training.recipe.parts import Part


class GroupSpec(Part):
    """Layers that learn at a rate of their own (discriminative rates: Howard and Ruder 2018, arXiv 1801.06146).

    Attributes:
        name: how phases name the group.
        layers: patterns of layer names; see `training.layers.matches`. The first group that a layer matches has it.
        rate: what the learning rate is multiplied with.
    """

    name: str = Field(min_length=1)
    layers: tuple[str, ...] = Field(min_length=1)
    rate: float = Field(1.0, ge=0)


class PhaseSpec(Part):
    """A stretch of epochs in which some layers stand still.

    The schedule of the rate begins anew with each phase; the optimiser's memory and the moving average go on.

    Attributes:
        name: what the phase is called in the history.
        epochs: how many.
        freeze: patterns of the layers that stand still; see `training.layers.matches`. Their batch normalisation works
            as in evaluation.
        freeze_before: layers whose index is lower stand still as well; see `training.layers.indexed_layers` for the
            counting, which is not that of Keras.
        learning_rate: in the place of the optimiser's; None is the optimiser's.
        rates: by group, in the place of the group's own rate.
    """

    name: str = Field(min_length=1)
    epochs: int = Field(ge=1)
    freeze: tuple[str, ...] = ()
    freeze_before: int = Field(0, ge=0)
    learning_rate: float | None = Field(None, gt=0)
    rates: dict[str, float] = Field(default_factory=dict)
