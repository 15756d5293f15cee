"""Writes the section of `docs/errors.md` that sets two checkpoints against each other on a data set's validation split.

Run: python -m benchmarks.errors_section compact OTHER --data fer2013

Both are evaluated where they were not yet. Every number of the section comes from here; the page shows the same.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fer_core.cli import app_with_errors, percent

if TYPE_CHECKING:
    from fer_core.evaluate.compare import Pair
    from fer_core.evaluate.predictions import Predictions

GUIDE = Path(__file__).resolve().parents[1] / "docs" / "errors.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
FIGURES = ("n", "top-1", "top-1 without twins", "balanced accuracy", "macro-F1", "ECE", "recall disgust", "recall fear")

app = app_with_errors("Writes the section of docs/errors.md on two checkpoints.")


@app.command()
def main(
    first: Annotated[str, typer.Argument(help="A checkpoint.")],
    second: Annotated[str, typer.Argument(help="Another one, whose rare class is explained.")],
    data: Annotated[Path, typer.Option(help="Data set of the workspace.")] = Path("fer2013"),
    name: Annotated[str, typer.Option("--class", help="The rare class.")] = "disgust",
    guide: Annotated[Path, typer.Option(help="File with the two marks.")] = GUIDE,
) -> None:
    """Evaluates both on validation and writes what is found between the marks."""
    from fer_core.evaluate.options import ask, predicted

    tables = [predicted(ask(one, data, "validation")) for one in (first, second)]
    command = f"python -m benchmarks.errors_section {first} {second} --data {data} --class {name}"
    write(guide, section(tables, name, command))
    typer.echo(f"written: {guide}")


def write(guide: Path, text: str) -> None:
    """Puts the text between the marks, in the place of what is there."""
    whole = guide.read_text(encoding="utf-8")
    before, rest = whole.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    guide.write_text(f"{before}{BEGIN}\n{text.strip()}\n{END}{after}", encoding="utf-8")


def section(tables: list[Predictions], name: str, command: str) -> str:
    """Both models' figures, whether they differ by more than chance, and one class of the second explained."""
    from fer_core.evaluate.compare import compare
    from fer_core.evaluate.compare.export import as_markdown
    from fer_core.evaluate.compare.leaderboard import leaderboard

    rows = [standing.row() for standing in leaderboard(tables)]
    [pair], _ = compare(tables)
    other = tables[1]
    return "\n\n".join(
        [
            f"Validation split of {tables[0].about.data}, by `{command}`; intervals hold 95 %.",
            as_markdown([{"model": row["model"], **{k: row[k] for k in FIGURES if k in row}} for row in rows]).strip(),
            _tested(pair),
            f"### {name} under {other.about.model}",
            *_explained(other, name),
        ]
    )


def _tested(pair: Pair) -> str:
    """The test, and the classes in which the two differ."""
    d, test = pair.differences["accuracy"], pair.test
    surely = [c for c in pair.classes if c.p_holm < 0.05]
    named = [f"{c.name} ({100 * c.difference.value:+.1f} points, {_p(c.p_holm)})" for c in surely]
    classes = f"Recall differs, Holm over classes, for {', '.join(named)}." if named else "Recall of no class does so."
    verdict = "more than chance" if test.p < 0.05 else "no more than chance may give"
    return (
        f"{pair.first} less {pair.second}: {100 * d.value:+.2f} points of top-1 [{100 * d.low:+.2f}, "
        f"{100 * d.high:+.2f}]; {pair.first} alone is right on {test.only_first:,} faces, {pair.second} alone on "
        f"{test.only_second:,}, exact McNemar {_p(test.p)}: {verdict}. {classes}"
    )


def _p(value: float) -> str:
    """An exact test of many faces underflows to 0, which no test can give."""
    return f"p = {value:.2g}" if value >= 1e-12 else "p < 1e-12"


def _explained(found: Predictions, name: str) -> list[str]:
    """The confusion matrix, the column of the class, and what a threshold would buy."""
    import numpy as np

    from fer_core.evaluate.errors import column, lens, with_threshold

    seen, said = lens(found, name), column(found, name)
    mended = with_threshold(found, name, "f1")
    place = found.classes.index(name)
    before, after = mended.before.classes[place], mended.after.classes[place]
    names = found.classes.names
    counts = np.zeros((len(names), len(names)), dtype=np.int64)
    np.add.at(counts, (found.labels, found.predicted), 1)
    goes = ", ".join(f"{f.name} {f.n:,}" for f in seen.goes if f.n and f.name != name)
    comes = ", ".join(f"{f.name} {f.n:,}" for f in seen.comes if f.n and f.name != name)
    share = percent(seen.n / len(found))
    return [
        _matrix(names, counts),
        f"{seen.n:,} of {len(found):,} faces are {name} ({share}). {said.as_text()}",
        (
            f"Missed ones are taken for {goes or 'nothing'}; falsely taken for {name} are {comes or 'none'}. Its "
            f"average precision is {percent(seen.curve.average_precision)}. A threshold of its own, fitted on one half "
            f"of the faces and measured on the other, changes recall from {percent(before.recall)} to "
            f"{percent(after.recall)}, precision from {percent(before.precision)} to "
            f"{percent(after.precision)}, and top-1 from {percent(mended.before.accuracy)} to "
            f"{percent(mended.after.accuracy)}."
        ),
    ]


def _matrix(names: tuple[str, ...], counts: Any) -> str:
    lines = [f"| annotated, said | {' | '.join(names)} |", f"|---|{'--:|' * len(names)}"]
    lines += [f"| {name} | {' | '.join(f'{c:,}' for c in row)} |" for name, row in zip(names, counts, strict=True)]
    return "\n".join(lines)


if __name__ == "__main__":
    app(prog_name="python -m benchmarks.errors_section")
