"""Published figures, and what can be made of them: each verdict comes with its arithmetic.

The figures are facts about the works they come from; what is checked is how they were measured, not who measured them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from fer_core.errors import DataError
from fer_core.evaluate.metrics import wilson_interval

Metric = Literal["accuracy", "binary accuracy", "not said"]
Verdict = Literal["cannot stand", "to be doubted", "can stand"]
Splitting = Literal["official", "by subject", "at random", "not said"]


@dataclass(frozen=True)
class Claim:
    """A published figure with what is known of how it came to be.

    Attributes:
        source: who claims it.
        recipe: our recipe of the same system; empty where there is none.
        settings: what is changed about that recipe to have the system, as `--set` takes it; another claim may be of
            the recipe as it stands.
        data: data set.
        split: what it was measured on: `train`, `validation`, `test`.
        value: the figure, 0..1.
        classes: how many there are.
        n: samples that it was measured on; None where that is not said.
        metric: what the figure is called or turned out to be.
        recall: claimed beside it, 0..1; None where it is not said.
        precision: the same.
        train_value: figure on the training samples; None where it is not said.
        splitting: how train and test were told apart.
        several_pictures_of_a_subject: whether the data holds more than one picture of a person.
        copies_before_splitting: whether augmented copies were made before the split.
        chosen_on_same: whether the model was chosen by the very samples of the figure.
        known_twins: share of the samples that have an exact copy in training; 0 where that is not known.
    """

    source: str
    data: str
    value: float
    recipe: str = ""
    settings: tuple[str, ...] = field(default=(), kw_only=True)
    split: str = "test"
    classes: int = 7
    n: int | None = None
    metric: Metric = "not said"
    recall: float | None = None
    precision: float | None = None
    train_value: float | None = None
    splitting: Splitting = "not said"
    several_pictures_of_a_subject: bool = False
    copies_before_splitting: bool = False
    chosen_on_same: bool = False
    known_twins: float = 0.0

    def __post_init__(self) -> None:
        rates = {
            "figure": self.value,
            "recall": self.recall,
            "precision": self.precision,
            "training figure": self.train_value,
        }
        for what, rate in rates.items():
            if rate is not None and not 0 <= rate <= 1:
                raise DataError(f"The {what} of a claim is a share of 0 to 1, not {rate:g}; 86.3 % is 0.863.")
        if self.classes < 2 or (self.n is not None and self.n < 1):
            raise DataError(f"A claim has 2 classes or more and 1 sample or more, not {self.classes} and {self.n}.")


@dataclass(frozen=True)
class Doubt:
    """One thing that speaks against a claim.

    Attributes:
        name: of the trap.
        fatal: whether the figure says nothing at all with it.
        words: why, with the arithmetic.
    """

    name: str
    fatal: bool
    words: str


@dataclass(frozen=True)
class Judged:
    """A claim, and what was made of it.

    Attributes:
        claim: as published.
        verdict: `cannot stand` with a fatal doubt, `to be doubted` with another one, else `can stand`.
        doubts: the fatal ones first.
        interval: Wilson's of the figure; NaN where n is not known.
        against: in words how our reproduction lies to it; empty where there is none.
    """

    claim: Claim
    verdict: Verdict
    doubts: tuple[Doubt, ...]
    interval: tuple[float, float]
    against: str


_TWINS = 0.08  # of FER2013's test images; the Datasets page counts them
# Every published figure of the systems that the recipes stand for.
CLAIMS: tuple[Claim, ...] = (
    Claim(
        "KDEF with VGG16", "KDEF", 0.7633, "kdef-vgg16", splitting="at random", several_pictures_of_a_subject=True,
    ),
    Claim(
        "KDEF with VGG16, noise copies", "KDEF", 0.8714, "kdef-vgg16", splitting="at random",
        several_pictures_of_a_subject=True, copies_before_splitting=True,
    ),
    Claim(
        "EfficientNet on Facial Emotion Expressions", "FEC", 0.25, "fec-efficientnet", "validation", train_value=0.88,
    ),
    Claim("CNN sweep, first", "FEC", 0.25, "fec-cnn-sweep", "validation", train_value=0.85, chosen_on_same=True),
    Claim("CNN sweep, second", "FEC", 0.25, "fec-cnn-sweep", "validation", train_value=0.88, chosen_on_same=True),
    Claim("CNN sweep, third", "FEC", 0.28, "fec-cnn-sweep", "validation", train_value=0.84, chosen_on_same=True),
    Claim("CNN sweep, fourth", "FEC", 0.35, "fec-cnn-sweep", "validation", train_value=0.88, chosen_on_same=True),
    Claim(
        "CNN sweep with regularisation", "FEC", 0.75, "fec-cnn-sweep", "validation", train_value=0.95,
        chosen_on_same=True,
    ),
    Claim(
        "ResNet50, partly frozen", "FER2013", 0.863, "fer2013-resnet50-partial", "test", n=7178, recall=0.085,
        precision=0.670, splitting="official", known_twins=_TWINS,
    ),
    Claim(
        "ResNet-50, one linear layer", "FER2013", 0.60, "fer2013-resnet50-fc", "validation", n=3589,
        settings=("model.arguments={hidden: []}",), metric="accuracy", splitting="official", known_twins=_TWINS,
    ),
    Claim(
        "ResNet-50, fully connected", "FER2013", 0.64, "fer2013-resnet50-fc", "validation", n=3589,
        metric="accuracy", train_value=0.73, splitting="official", known_twins=_TWINS,
    ),
    Claim(
        "VGG-19", "FER2013", 0.626, "fer2013-vgg19", "validation", n=3589, metric="accuracy", splitting="official",
        known_twins=_TWINS,
    ),
    Claim(
        "VGG-like, 670 k, FER+", "FER+", 0.8421, "ferplus-vggnet-670k", "validation", metric="accuracy",
        splitting="official", known_twins=_TWINS,
    ),
    Claim(
        "VGG-like, 670 k, FER+", "FER+", 0.8377, "ferplus-vggnet-670k", "test", metric="accuracy",
        splitting="official", known_twins=_TWINS,
    ),
    Claim(
        "VGG-like, 670 k, RAF-DB", "RAF-DB", 0.8299, "rafdb-vggnet-670k", "validation", metric="accuracy",
        splitting="official",
    ),
    Claim(
        "VGG-like, 670 k, RAF-DB", "RAF-DB", 0.8272, "rafdb-vggnet-670k", "test", metric="accuracy",
        splitting="official",
    ),
)  # fmt: skip


def judge(claim: Claim, ours: float | None = None, ours_n: int | None = None) -> Judged:
    """Checks a claim against the traps of the field.

    Args:
        claim: a published figure; a user's own goes the same way.
        ours: top-1 of our reproduction, 0..1; None where there is none.
        ours_n: samples it was measured on.
    """
    doubts = [d for check in (_binary, _subjects, _copies, _chosen, _twins, _fitting, _chance) for d in check(claim)]
    doubts.sort(key=lambda doubt: not doubt.fatal)
    interval = (math.nan, math.nan) if claim.n is None else wilson_interval(round(claim.value * claim.n), claim.n)
    verdict: Verdict = "can stand"
    if doubts:
        verdict = "cannot stand" if doubts[0].fatal else "to be doubted"
    return Judged(claim, verdict, tuple(doubts), interval, _against(claim, ours, ours_n))


def binary_accuracy(classes: int, recall: float, precision: float = 1.0) -> float:
    """Element-wise accuracy over K one-hot columns of outputs that pass 0.5 as rarely as recall and precision say.

    Of K columns of a sample one is 1. A share `recall` of these is found; for each of them found, 1 / precision - 1
    others pass 0.5 wrongly. All other columns are right: 1 - (1 - recall + recall (1 / precision - 1)) / K.
    """
    return 1 - (1 - recall + recall * (1 / precision - 1)) / classes


def _binary(claim: Claim) -> list[Doubt]:
    k = claim.classes
    silent = (k - 1) / k
    words = (
        f"Counted element by element over {k} one-hot columns, an output that never passes 0.5 scores "
        f"({k} - 1) / {k} = {silent:.3f}."
    )
    if claim.metric == "binary accuracy":
        return [Doubt("binary accuracy", True, f"{words} The claimed {claim.value:.3f} is of this kind.")]
    if claim.metric == "accuracy" and claim.recall is None:
        return []
    near = abs(claim.value - silent) < 0.02
    if claim.recall is not None and claim.recall < claim.value - 0.1:
        # Micro-averaged recall of single-label data is top-1 itself; the mean over classes lies below, but not so far.
        precision = 1.0 if claim.precision is None else claim.precision
        expected = binary_accuracy(k, claim.recall, precision)
        r, q = f"{claim.recall:.3f}", f"{precision:.3f}"
        more = (
            f" With a recall of {r} at a precision of {q} it scores 1 - (1 - {r} + {r} (1 / {q} - 1)) / {k} = "
            f"{expected:.3f}, and {claim.value:.3f} is claimed; as top-1 that would not go with this recall."
        )
        return [Doubt("binary accuracy", near or claim.value >= silent - 0.02, words + more)]
    if near:
        return [Doubt("binary accuracy", False, f"{words} {claim.value:.3f} lies within 0.02 of it; ask for top-1.")]
    return []


def _subjects(claim: Claim) -> list[Doubt]:
    if not claim.several_pictures_of_a_subject or claim.splitting in {"by subject", "official"}:
        return []
    return [
        Doubt(
            "subject leakage",
            claim.splitting == "at random",
            f"{claim.data} holds several pictures of each person, and the split is {_how(claim)}: nearly every person "
            "of the test samples was seen in training, so that the figure is none for new faces. Split by subject.",
        )
    ]


def _how(claim: Claim) -> str:
    return "not told" if claim.splitting == "not said" else claim.splitting


def _copies(claim: Claim) -> list[Doubt]:
    if not claim.copies_before_splitting:
        return []
    words = (
        "Augmented copies were made before the split: with a training share of p, a test picture's copy lies in "
        "training with chance p, so that at p = 0.8 four of five test pictures were seen there but for some noise."
    )
    return [Doubt("copies across the split", True, words)]


def _chosen(claim: Claim) -> list[Doubt]:
    if claim.split == "validation" and not claim.chosen_on_same:
        words = "Validation steers a training (rates, when to stop, what to keep); ask for the figure on test."
        return [Doubt("measured on validation", False, words)]
    if not claim.chosen_on_same:
        return []
    words = (
        f"The model was chosen by the very {claim.split} samples of the figure; the best of several flatters itself."
    )
    return [Doubt("chosen on the same samples", False, words)]


def _twins(claim: Claim) -> list[Doubt]:
    if claim.known_twins <= 0:
        return []
    share = claim.known_twins
    low = max(0.0, (claim.value - share) / (1 - share))
    words = (
        f"About {share:.0%} of the samples have an exact copy in training. Were all of those right, the rest would "
        f"be at ({claim.value:.3f} - {share:.2f}) / (1 - {share:.2f}) = {low:.3f}."
    )
    return [Doubt("twins across splits", False, words)]


def _fitting(claim: Claim) -> list[Doubt]:
    if claim.train_value is None or claim.train_value - claim.value < 0.15:
        return []
    words = (
        f"Training {claim.train_value:.0%}, {claim.split} {claim.value:.0%}: a gap of "
        f"{100 * (claim.train_value - claim.value):.0f} points, over-fitted."
    )
    return [Doubt("over-fitted", False, words)]


def _chance(claim: Claim) -> list[Doubt]:
    if claim.n is None:
        return [Doubt("no number of samples", False, "Without the number of samples the figure has no interval.")]
    low, high = wilson_interval(round(claim.value * claim.n), claim.n)
    if high - low <= 0.05:
        return []
    return [Doubt("few samples", False, f"{claim.value:.3f} on {claim.n:,} samples is [{low:.3f}, {high:.3f}].")]


def _against(claim: Claim, ours: float | None, ours_n: int | None) -> str:
    if ours is None or not ours_n:
        return ""
    low, high = wilson_interval(round(ours * ours_n), ours_n)
    place = "within" if low <= claim.value <= high else "above" if claim.value > high else "below"
    return (
        f"Ours: {ours:.3f} [{low:.3f}, {high:.3f}] on {ours_n:,} samples; the claimed {claim.value:.3f} lies {place} "
        f"{'it' if place == 'within' else 'its interval'}."
    )
