"""Regions beside action units, the report, a prior of random networks, and the command lines."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from fer_core.__main__ import app
from fer_core.data import SampleTable
from fer_core.errors import DataError
from fer_core.evaluate.bootstrap import Resampling
from fer_core.explain import Explainer
from fer_core.regions import REGIONS, MeanFace
from fer_core.regions.action_units import UnitRow, driving, expected_regions, unit_table, units_of
from fer_core.regions.effects import effect_table
from fer_core.regions.intervention import intervene
from fer_core.regions.measure import Asked, attribute, fine_layer
from fer_core.regions.prior import network_prior
from fer_core.regions.report import figure, report
from fer_core.regions.table import RegionRow

SOURCES = (MeanFace(),)


def test_action_units_of_the_prototypes() -> None:
    # Friesen and Ekman (1983): happiness 6+12, sadness 1+4+15, surprise 1+2+5+26, anger 4+5+7+23.
    for label, units in (
        ("happy", {6, 12}),
        ("sad", {1, 4, 15}),
        ("surprise", {1, 2, 5, 26}),
        ("angry", {4, 5, 7, 23}),
    ):
        assert units <= set(units_of(label))
    assert units_of("neutral") == units_of("contempt") == ()
    assert expected_regions("happy") == ("eyes", "mouth", "cheeks")
    assert expected_regions("neutral") == ()


def row(region: str, density: tuple[float, float], prior: tuple[float, float], claim: bool = True) -> RegionRow:
    mean = sum(density) / 2
    return RegionRow("happy", "happy", "all", None, region, 9, 0.1, (0.1, 0.1), mean, density, mean, prior, claim, "")


def test_marked_is_denser_than_an_even_map_and_than_the_centre() -> None:
    rows = [
        row("mouth", (1.2, 1.4), (1.1, 1.3)),
        row("nose", (2.0, 3.0), (0.9, 1.1)),  # not more than a map of the middle
        row("cheeks", (0.9, 1.1), (1.5, 1.6)),
        row("eyes", (1.5, 1.6), (1.5, 1.6), claim=False),  # the map is too coarse for it
        row("chin", (float("nan"),) * 2, (1.5, 1.6)),
    ]
    assert unit_table(rows) == [UnitRow("happy", (6, 12, 25), ("eyes", "mouth", "cheeks"), ("mouth",), None)]
    assert unit_table([]) == []


def test_a_region_drives_where_every_fill_says_so(make_checkpoint: Callable[..., Any], few: SampleTable) -> None:
    explainer = Explainer(make_checkpoint())
    found = intervene(explainer, few.split("validation"), Asked(), fills=("blur", "mean"), sources=SOURCES)
    found.drop[:], found.control[:] = 0, 0
    found.drop[:, REGIONS.index("mouth")] = 2
    found.drop[0, REGIONS.index("eyes")] = 2
    rows = [r for r in effect_table(found, how=Resampling(50)) if r.group == "all"]
    assert driving(rows) == ("mouth",)
    assert driving([]) == ()


def test_report_of_a_coarse_map(make_checkpoint: Callable[..., Any], drawn: SampleTable) -> None:
    explainer = Explainer(make_checkpoint())
    samples = drawn.split("test")
    found = attribute(explainer, samples, Asked(layer="features.stage3.0.relu"), sources=SOURCES)
    told = report(found, explainer.layers(), how=Resampling(50))
    # 12 x 12 cells of 4 pixels: every region of the mean face is as large.
    assert told.refused == ()
    assert told.finer is None
    assert told.attribution.source_shares() == {"mean face": 1.0}
    assert fine_layer(explainer, samples, SOURCES) == "features.stage3.0.relu"
    with pytest.raises(DataError, match="No layer of random has a map in which every region of 0 faces"):
        fine_layer(explainer, SampleTable(drawn.table.slice(0, 0), drawn.classes), SOURCES)
    text, plain = told.as_text(), told.as_json()
    assert "28 faces" in text
    assert "regions from: mean face 100.0 %" in text
    cells = {(r["group"], r["region"]): r for r in plain["regions"]}
    assert sum(cells["angry", region]["share"] for region in REGIONS) == pytest.approx(1)
    assert cells["angry", "mouth"]["n"] == 4
    assert plain["interventions"] == []


def test_a_prior_of_networks_with_shuffled_weights(make_checkpoint: Callable[..., Any], drawn: SampleTable) -> None:
    explainer = Explainer(make_checkpoint())
    before = {name: value.clone() for name, value in explainer.network.state_dict().items()}
    faces = drawn.split("test").faces()[:6]
    prior = network_prior(explainer, faces, networks=2)
    assert prior.shape == (48, 48)
    assert prior.sum() == pytest.approx(1, abs=1e-4)
    np.testing.assert_array_equal(prior, network_prior(explainer, faces, networks=2))
    assert all((before[name] == value).all() for name, value in explainer.network.state_dict().items())
    found = attribute(explainer, drawn.split("test"), sources=SOURCES, prior=prior)
    np.testing.assert_allclose(found.prior.sum(1), 1, rtol=1e-4)


def test_figures_are_written_with_their_interval() -> None:
    assert figure(1.234, (1.2, 1.26)) == "1.23 [1.20, 1.26]"
    assert figure(float("nan"), (float("nan"),) * 2) == "n/a"
    assert figure(2.0, (float("nan"),) * 2) == "2.00"


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture
def asked(
    make_checkpoint: Callable[..., Any], few: SampleTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    monkeypatch.delenv("FERSCOPE_YUNET", raising=False)
    checkpoint = make_checkpoint()
    few.save(tmp_path / "few.parquet")
    return ["--checkpoint", str(checkpoint.folder), "--data", str(tmp_path / "few.parquet"), "--split", "validation"]


def test_the_regions_command(asked: list[str]) -> None:
    found = run("regions", *asked, "--layer", "fine", "--intervene", "mean", "--prior", "network", "--json")
    assert found.exit_code == 0, found.output
    told = json.loads(found.stdout)
    assert (told["n"], told["layer"], told["map_hw"]) == (14, "features.stage3.0.relu", [12, 12])
    assert told["sources"] == {"mean face": 1.0}
    assert {r["fill"] for r in told["interventions"]} == {"mean"}
    assert [u["label"] for u in told["action_units"]][:2] == ["angry", "disgust"]
    assert "drives" in told["interventions"][0]


@pytest.mark.parametrize(
    ("extra", "sentence"),
    [
        (["--explained", "nobody"], "--explained is 'nobody'; it must be predicted or label."),
        (["--prior", "mean"], "--prior is 'mean'; it must be centre or network."),
        (["--intervene", "noise"], "There is no fill 'noise'"),
        (["--method", "x"], "There is no saliency method 'x'"),
    ],
)
def test_mistakes_on_the_command_line(asked: list[str], extra: list[str], sentence: str) -> None:
    found = run("regions", *asked, *extra)
    assert found.exit_code == 2
    assert sentence in found.stderr


def test_the_trust_command(asked: list[str]) -> None:
    found = run("trust", *asked, "--method", "gradcam", "--faces", "11", "--json")
    assert found.exit_code == 0, found.output
    told = json.loads(found.stdout)
    assert (told["n"], list(told["methods"])) == (11, ["gradcam"])
    assert told["verdicts"][0]["state"] in ("sound", "doubtful", "failed")
    drawn = run("trust", *asked[:2], "--drawn", "--faces", "3", "--method", "gradcam")
    assert "mass" in drawn.stdout
    assert "gradcam: undecided" in drawn.stdout
    neither = run("trust", *asked[:2])
    assert neither.exit_code == 2
    assert "Name the faces to examine" in neither.stderr
