"""Audits of a data set: what is wrong with it before a model is trained, and what can be done about it.

A new check is a new module in `checks/` with a function under `@register`; it is found by being there.
"""

from fer_core.data.audit.base import Check, Finding, NotApplicable, Remedy, Stopped
from fer_core.data.audit.context import AuditContext
from fer_core.data.audit.folds import out_of_fold_probabilities
from fer_core.data.audit.remedies import apply_remedy
from fer_core.data.audit.report import AuditReport
from fer_core.data.audit.run import audit, checks

__all__ = [
    "AuditContext",
    "AuditReport",
    "Check",
    "Finding",
    "NotApplicable",
    "Remedy",
    "Stopped",
    "apply_remedy",
    "audit",
    "checks",
    "out_of_fold_probabilities",
]
