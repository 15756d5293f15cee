"""Why one model fails: which classes it takes for which, one class under the lens, what a remedy would buy."""

from fer_core.evaluate.errors.column import Column, column
from fer_core.evaluate.errors.confusion import ClassFigures, Confusion, Subtracted, class_figures, confusion, subtract
from fer_core.evaluate.errors.lens import Curve, Lens, lens, precision_recall
from fer_core.evaluate.errors.remedies import Remedied, corrected_for_priors, with_threshold

__all__ = [
    "ClassFigures", "Column", "Confusion", "Curve", "Lens", "Remedied", "Subtracted", "class_figures", "column",
    "confusion", "corrected_for_priors", "lens", "precision_recall", "subtract", "with_threshold",
]  # fmt: skip
