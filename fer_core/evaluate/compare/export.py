"""Tables of figures as Markdown, LaTeX and CSV, for papers and notes."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

from fer_core.evaluate.compare.bootstrap import Interval

Row = Mapping[str, Any]
_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
}  # fmt: skip


def shown(value: Any, digits: int = 4) -> str:
    """One cell: `0.6930 [0.6777, 0.7078]`, `n/a` for what is undefined."""
    if isinstance(value, Interval):
        if math.isnan(value.value):
            return "n/a"
        if math.isnan(value.low):
            return f"{value.value:.{digits}f}"
        return f"{value.value:.{digits}f} [{value.low:.{digits}f}, {value.high:.{digits}f}]"
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "n/a"
    if isinstance(value, float):
        return f"{value:.{digits}f}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def as_markdown(rows: Sequence[Row], digits: int = 4) -> str:
    """A Markdown table; the columns are those of the first row. Empty for no rows."""
    if not rows:
        return ""
    names = list(rows[0])
    lines = [names, ["---" if isinstance(rows[0][c], str) else "---:" for c in names]]
    lines += [[shown(row[name], digits) for name in names] for row in rows]
    safe = [[cell.replace("\\", "\\\\").replace("|", r"\|").replace("\n", " ") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in safe) + "\n"


def as_latex(rows: Sequence[Row], digits: int = 4) -> str:
    """A LaTeX tabular with the rules of the package booktabs. Empty for no rows."""
    if not rows:
        return ""
    names = list(rows[0])
    sides = "".join("l" if isinstance(rows[0][name], str) else "r" for name in names)
    body = [[shown(row[name], digits) for name in names] for row in rows]
    lines = [" & ".join("".join(_LATEX.get(c, c) for c in cell) for cell in line) + r" \\" for line in [names, *body]]
    return "\n".join(
        [
            rf"\begin{{tabular}}{{{sides}}}",
            r"\toprule",
            lines[0],
            r"\midrule",
            *lines[1:],
            r"\bottomrule",
            r"\end{tabular}",
            "",
        ]
    )


def as_csv(rows: Sequence[Row]) -> str:
    """Comma-separated, all digits; a figure with bounds becomes three columns, what is undefined an empty cell.

    A text that a spreadsheet would take for a formula gets an apostrophe before it.
    """
    if not rows:
        return ""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    wide = [_wide(row) for row in rows]
    writer.writerow(wide[0])
    writer.writerows([[row.get(name, "") for name in wide[0]] for row in wide])
    return out.getvalue()


def _wide(row: Row) -> dict[str, Any]:
    cells: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, Interval):
            cells |= {name: _cell(value.value), f"{name} low": _cell(value.low), f"{name} high": _cell(value.high)}
        else:
            cells[name] = _cell(value)
    return cells


def _cell(value: Any) -> Any:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t", "\r"}:
        return "'" + value
    return value
