"""The section of the guide that is written by a command: numbers of its tables, and nothing else of the guide."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.errors_section import BEGIN, END, GUIDE, section, write
from tests.fer_core.evaluate.tables import table


def test_the_section_tells_what_the_tables_hold() -> None:
    tables = [table(400, seed=1, skill=3.0), table(400, seed=2)]
    text = section(tables, "disgust", "the command")
    first, second = (t.right for t in tables)
    apart = 100 * (first.mean() - second.mean())
    assert f"model1 less model2: {apart:+.2f} points of top-1" in text
    assert f"model1 alone is right on {int((first & ~second).sum()):,} faces" in text
    disgust = tables[1].labels == 1
    assert f"{int(disgust.sum())} of 400 faces are disgust" in text
    counts = [int(((tables[1].predicted == i) & disgust).sum()) for i in range(7)]
    assert f"| disgust | {' | '.join(str(c) for c in counts)} |" in text
    missed = np.array(counts) * (np.arange(7) != 1)
    names = tables[1].classes.names
    assert f"Missed ones are taken for {names[int(missed.argmax())]} {missed.max()}" in text


def test_only_what_is_between_the_marks_is_written(tmp_path: Path) -> None:
    guide = tmp_path / "guide.md"
    guide.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", encoding="utf-8")
    for _ in range(2):
        write(guide, "new\n")
        assert guide.read_text(encoding="utf-8") == f"before\n{BEGIN}\nnew\n{END}\nafter\n"


@pytest.mark.parametrize("mark", [BEGIN, END])
def test_the_guide_has_the_marks_once(mark: str) -> None:
    assert GUIDE.read_text(encoding="utf-8").count(mark) == 1
