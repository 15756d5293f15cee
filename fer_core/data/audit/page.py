"""An audit's report as one HTML file. No script, nothing fetched; light and dark by the reader's setting."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from html import escape
from typing import TYPE_CHECKING, Any

import cv2

from fer_core.data.audit.base import Finding, plain
from fer_core.data.pictures import Picture
from fer_core.data.table import SampleTable

if TYPE_CHECKING:
    from fer_core.data.audit.report import AuditReport

PICTURES = 24
_LONGEST_PX = 96
STYLE = """
:root { color-scheme: light dark; --text: #1c1f23; --quiet: #5b626b; --paper: #fff; --card: #f5f6f8; --line: #d9dde2 }
@media (prefers-color-scheme: dark) {
  :root { --text: #e7e9ec; --quiet: #a3abb5; --paper: #15181c; --card: #1f2328; --line: #343a42 }
}
body { font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: var(--paper); max-width: 72rem;
       margin: 2rem auto; padding: 0 1rem }
section { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 1rem; margin: 1rem 0 }
h1, h2 { line-height: 1.2; margin: 0 0 .5rem } h2 { font-size: 1.1rem }
.quiet { color: var(--quiet) } table { border-collapse: collapse }
td, th { padding: .1rem .8rem .1rem 0; text-align: left }
.pictures { display: flex; flex-wrap: wrap; gap: .75rem; margin: .75rem 0 }
.group { display: flex; flex-wrap: wrap; gap: .25rem; padding: .25rem;
         border: 1px solid var(--line); border-radius: 6px }
figure { margin: 0; width: 96px } img { width: 96px; height: 96px; object-fit: contain; image-rendering: pixelated }
figcaption { font-size: 11px; color: var(--quiet); overflow-wrap: anywhere }
""".strip()


def page(report: AuditReport, samples: SampleTable) -> str:
    """The HTML text.

    Args:
        report: the findings.
        samples: the table that was audited; up to 24 pictures of each finding are shown.

    Raises:
        ImageError: one of those cannot be read (any more).
    """
    row_of = {sample: row for row, sample in enumerate(samples.table["sample_id"].to_pylist())}
    found = sorted(report.findings, key=lambda f: ("high", "medium", "low", "none").index(f.severity))
    splits = ", ".join(f"{n:,} {split}" for split, n in report.splits.items())
    counted = f"{report.n:,} samples: {escape(splits)}. Intervals are Wilson's, 95 %."
    stopped = "<p><strong>The audit was stopped before its end; some checks did not run.</strong></p>"
    skipped = "".join(f"<li>{escape(name)}: {escape(why)}</li>" for name, why in report.skipped.items())
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
            f"<title>Data audit</title><style>{STYLE}</style></head><body>",
            f'<h1>Data audit</h1><p class="quiet">{counted}</p>',
            stopped if report.stopped else "",
            _overview(found),
            *(_section(finding, samples, row_of) for finding in found),
            f"<section><h2>Checks that did not run</h2><ul>{skipped}</ul></section>" if skipped else "",
            "</body></html>",
        ]
    )


def _overview(found: list[Finding]) -> str:
    rows = "".join(
        f'<tr><td><a href="#{escape(f.check)}">{escape(f.check)}</a></td>'
        f"<td>{f.count:,} {escape(f.unit)}</td><td>{escape(f.severity)}</td></tr>"
        for f in found
    )
    return f"<table><tr><th>check</th><th>found</th><th>severity</th></tr>{rows}</table>"


def _section(finding: Finding, samples: SampleTable, row_of: Mapping[str, int]) -> str:
    classes = ", ".join(f"{name} {count:,}" for name, count in finding.by_class.items())
    shown = "".join(_pictures(finding, samples, row_of))
    left = len(finding.sample_ids) - shown.count("<figure>")
    more = f'<p class="quiet">{left:,} more are not shown.</p>' if shown and left > 0 else ""
    figures = "".join(
        f"<tr><td>{escape(k)}</td><td>{escape(_text(v))}</td></tr>" for k, v in _rows(plain(finding.figures))
    )
    return (
        f'<section id="{escape(finding.check)}"><h2>{escape(finding.title)}</h2>'
        f"<p>{escape(finding.what)}</p>"
        + (f'<p class="quiet">By class: {escape(classes)}.</p>' if classes else "")
        + (f'<div class="pictures">{shown}</div>{more}' if shown else "")
        + f"<p>Remedy: {escape(finding.remedy.kind)}. {escape(finding.remedy.sentence)}</p>"
        + (f'<details><summary>Figures</summary><table class="quiet">{figures}</table></details>' if figures else "")
        + "</section>"
    )


def _pictures(finding: Finding, samples: SampleTable, row_of: Mapping[str, int]) -> Iterator[str]:
    """Groups side by side, or single pictures, until enough are shown; ids that are gone are passed over."""
    left = PICTURES
    for group in finding.groups or tuple((sample,) for sample in finding.sample_ids):
        there = [sample for sample in group if sample in row_of][:left]
        left -= len(there)
        if there:
            yield '<div class="group">' + "".join(_figure(samples, row_of[s], s) for s in there) + "</div>"
        if not left:
            return


def _figure(samples: SampleTable, row: int, sample: str) -> str:
    label, split = samples.table["label"][row].as_py() or "unlabelled", samples.table["split"][row].as_py()
    said = escape(f"{label}, {split}")
    source = _data_uri(samples.decode(row))
    return f'<figure><img src="{source}" alt="{said}"><figcaption>{said}<br>{escape(sample)}</figcaption></figure>'


def _data_uri(picture: Picture) -> str:
    """A PNG of at most 96 pixels a side."""
    height, width = picture.shape[:2]
    factor = _LONGEST_PX / max(height, width)
    if factor < 1:
        size = (max(1, round(width * factor)), max(1, round(height * factor)))
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    coded = cv2.imencode(".png", picture if picture.ndim == 2 else picture[..., ::-1])[1]
    return "data:image/png;base64," + base64.b64encode(coded.tobytes()).decode()


def _rows(figures: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Name and value of every figure, those inside others as `outer / inner`; a rate is one value."""
    for key, value in figures.items():
        name = f"{before}{key}".replace("_", " ")
        if isinstance(value, dict) and "interval" not in value:
            yield from _rows(value, f"{name} / ")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for one in value:
                yield name, ", ".join(f"{k} {_text(v)}" for k, v in one.items())
        else:
            yield name, value


def _text(value: Any) -> str:
    if isinstance(value, dict):
        if value.get("rate") is None:
            return "none of 0"
        low, high = value["interval"]
        return f"{100 * value['rate']:.1f} % [{100 * low:.1f}, {100 * high:.1f}], {value['k']:,} of {value['n']:,}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3g}"
    return "undefined" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
