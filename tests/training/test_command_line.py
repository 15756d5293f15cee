"""`python -m training`: figures on standard output, everything else on standard error."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from fer_core.data import SampleTable
from tests.training.runs import history, same, weights
from training import __main__ as command_line
from training.fit import Run, fit
from training.recipe import Recipe
from training.run import alone

Make = Callable[..., Recipe]
ROOT = Path(__file__).parents[2]


def test_mistakes_on_the_command_line(few: SampleTable, tmp_path: Path) -> None:
    few.save(tmp_path / "few.parquet")
    data = ["--data", str(tmp_path / "few.parquet")]
    for arguments, said in (
        (["fit", "compcat", *data], "There is no recipe 'compcat'"),
        (["fit", "compact", *data, "--set", "epoch=1"], "did you mean epochs?"),
        (["fit", "compact", "--data", str(tmp_path / "gone.csv")], "gone.csv"),
        (["fit", "compact", *data, "--run", "../x"], "'../x' is not a name"),
        (["fit", "compact", *data, "--run", "my run"], "'my run' is not a name"),
    ):
        result = CliRunner().invoke(command_line.app, [*arguments, "--json"])
        assert result.exit_code == 2, arguments
        assert result.stdout == ""
        assert result.stderr.startswith("Error: ")
        assert said in result.stderr


def test_one_run_is_not_trained_twice_at_once(few: SampleTable, tmp_path: Path, home: Path) -> None:
    few.save(tmp_path / "few.parquet")
    with alone(home / "runs" / "mine"):
        arguments = ["fit", "compact", "--data", str(tmp_path / "few.parquet"), "--run", "mine"]
        result = CliRunner().invoke(command_line.app, arguments)
    assert result.exit_code == 2
    assert result.stderr == (
        "Error: Another process trains the run 'mine' now. Wait until it has ended, or choose another --run.\n"
    )


def test_recipes_on_the_command_line() -> None:
    result = CliRunner().invoke(command_line.app, ["recipes", "--json"])
    (compact,) = [r for r in json.loads(result.stdout) if r["name"] == "compact"]
    summary = yaml.safe_load((ROOT / "training" / "recipes" / "compact.yaml").read_text())["summary"]
    assert compact["summary"] == summary
    assert (compact["architecture"], compact["weights"], compact["size_px"]) == ("compact", "none", 48)
    lines = CliRunner().invoke(command_line.app, ["recipes"]).stdout.splitlines()
    (line,) = [line for line in lines if line.startswith("compact ")]
    assert line.split()[1:3] == ["0.96", "M"]
    assert summary in line


@pytest.mark.slow
def test_a_killed_process_goes_on_and_says_so_in_json(few: SampleTable, tiny_recipe: Make, tmp_path: Path) -> None:
    few.save(tmp_path / "few.parquet")
    recipe = tiny_recipe(epochs=40, batch_size=8)
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(recipe.model_dump(mode="json")))
    home = tmp_path / "home"
    arguments = ["fit", str(tmp_path / "mine.yaml"), "--data", str(tmp_path / "few.parquet"), "--json"]
    environment = {**os.environ, "FERSCOPE_HOME": str(home)}
    command = [sys.executable, "-m", "training", *arguments, "--run", "killed"]
    rows = home / "runs" / "killed" / "history.jsonl"
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        while not rows.exists() or rows.read_text().count("\n") < 3:
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
    finally:
        process.kill()
        process.communicate()
    assert not (home / "checkpoints" / "killed").exists()
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 0, done.stderr
    assert [row["epoch"] for row in history(rows.parent)] == list(range(1, 41))
    said = json.loads(done.stdout)
    assert said["checkpoint"] == str(home / "checkpoints" / "killed")
    assert said["validation"]["n"] == 14
    assert "epoch 40/40, step 120/120" in done.stderr
    assert "Traceback" not in done.stderr

    run = Run(recipe, few, "few.parquet", tmp_path / "whole", tmp_path / "whole-checkpoint")
    checkpoint = fit(run)
    assert same(weights(Path(said["checkpoint"])), weights(run.checkpoint_folder))
    assert json.loads(json.dumps(checkpoint.card.metrics["validation"])) == said["validation"]
    assert history(rows.parent) == history(run.folder)
