"""The trust panel's charts hold the report's numbers."""

from __future__ import annotations

from fer_core.plots.trust import agreement_matrix, cascade_curves


def test_cascade_begins_at_one_and_has_the_intervals_ends() -> None:
    rows = [{"mean": 0.5, "interval": [0.4, 0.7], "n": 8}, {"mean": None, "interval": [None, None], "n": 0}]
    figure = cascade_curves({"Grad-CAM": {"stages": ["fc", "conv"], "spearman": rows}}, "spearman", "likeness", "#000")
    (line,) = figure.data
    assert list(line.x) == ["trained", "fc", "conv"]
    assert list(line.y) == [1.0, 0.5, None]
    assert [round(v, 6) for v in line.error_y.array] == [0.0, 0.2, 0.0]
    assert [round(v, 6) for v in line.error_y.arrayminus] == [0.0, 0.1, 0.0]
    assert figure.layout.yaxis.title.text == "likeness"


def test_agreement_has_a_cell_for_each_pair() -> None:
    figure = agreement_matrix(["a", "b"], [[1.0, None], [None, 1.0]])
    (cells,) = figure.data
    assert [list(row) for row in cells.text] == [["1.00", "n/a"], ["n/a", "1.00"]]
    assert cells.textfont.color == "#000000"  # on every colour of the scale
    assert (cells.zmin, cells.zmax, list(cells.x), list(cells.y)) == (-1, 1, ["a", "b"], ["a", "b"])
