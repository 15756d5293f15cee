"""Runs the checks of an audit."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from fer_core.data.audit import checks as _checks
from fer_core.data.audit.base import REGISTRY, Check, NotApplicable, Stopped, chosen
from fer_core.data.audit.context import AuditContext
from fer_core.data.audit.report import AuditReport
from fer_core.data.table import SampleTable
from fer_core.errors import DataError

for _module in pkgutil.iter_modules(_checks.__path__):
    importlib.import_module(f"{_checks.__name__}.{_module.name}")


def checks() -> tuple[Check, ...]:
    """All checks, sorted by name."""
    return tuple(REGISTRY[name] for name in sorted(REGISTRY))


def audit(
    samples: SampleTable,
    checks: Sequence[str] | None = None,
    *,
    probabilities: NDArray[np.floating] | None = None,
    features: NDArray[np.floating] | None = None,
    progress: Callable[[int, int], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> AuditReport:
    """Looks a data set through. Nothing is changed.

    Args:
        samples: the table. Looks that it lacks are measured; saved with `with_looks` they need not be measured again.
        checks: names of checks; None: all.
        probabilities: (N, K) of each sample by a model that has not seen it (out of fold, held out), in the order of
            `samples.classes`. None: made out of fold from `features`.
        features: (N, D) of a network, see `fer_core.features`. Without both, label errors are not looked for.
        progress: called with (done, total) in hundredths of a check.
        stop: asked between checks and within long ones; on True the report holds what was done until then, and its
            `stopped` is True.

    Returns:
        One finding per check that ran, those that found nothing included; `skipped` says why others did not.

    Raises:
        DataError: no samples, an unknown check, or probabilities or features that do not fit.
        ImageError: a picture cannot be read (any more); the message names its sample id.
    """
    if not len(samples):
        raise DataError("There are no samples to audit; import a data set first.")
    wanted = chosen(tuple(checks) if checks is not None else tuple(sorted(REGISTRY)))
    context = AuditContext(samples, probabilities, features, progress, stop)
    findings, skipped, stopped = [], {}, False
    for done, check in enumerate(wanted):
        context.place = (done, len(wanted))
        try:
            context.advance(0)
            findings.append(check.run(context))
            context.advance(1)
        except NotApplicable as reason:
            skipped[check.name] = str(reason)
        except Stopped:
            stopped = True
            break
    if progress is not None and not stopped:
        progress(100 * len(wanted), 100 * len(wanted))
    return AuditReport(tuple(findings), skipped, stopped, len(samples), samples.splits())
