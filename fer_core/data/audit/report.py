"""What an audit found, as objects, as JSON and as a page."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fer_core.data.audit.base import Finding
from fer_core.data.table import SampleTable


@dataclass(frozen=True)
class AuditReport:
    """The findings of an audit.

    Attributes:
        findings: one per check that ran, in the order in which they ran; those that found nothing included.
        skipped: by name of the check, why it did not run.
        stopped: whether the user stopped the audit before its end; checks that are neither among the findings nor
            skipped did not run then.
        n: samples looked at.
        splits: samples by split.
    """

    findings: tuple[Finding, ...]
    skipped: dict[str, str] = field(default_factory=dict)
    stopped: bool = False
    n: int = 0
    splits: dict[str, int] = field(default_factory=dict)

    def __getitem__(self, check: str) -> Finding:
        """The finding of a check.

        Raises:
            KeyError: the check did not run; `skipped` may say why.
        """
        for finding in self.findings:
            if finding.check == check:
                return finding
        raise KeyError(check)

    def as_json(self) -> list[dict[str, Any]]:
        """One object per finding, with `check`, `count`, `by_class`, `sample_ids` and more; see `Finding.as_json`."""
        return [finding.as_json() for finding in self.findings]

    def save_html(self, path: Path, samples: SampleTable) -> None:
        """Writes the report as one HTML file that needs nothing else: styles and thumbnails are inside, no script.

        Args:
            path: where to; folders are made.
            samples: the table that was audited, for the thumbnails.

        Raises:
            ImageError: a picture that is shown cannot be read (any more).
        """
        from fer_core.data.audit.page import page

        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page(self, samples), encoding="utf-8")
