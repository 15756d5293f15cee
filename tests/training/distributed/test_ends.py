"""However one of two processes ends, both do, one of them says why, and the run goes on."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from tests.training.distributed.processes import run
from tests.training.runs import history, weights
from training.__main__ import app

Command = Callable[..., list[str]]


def sentences(ended: list[Any]) -> list[str]:
    """What was told; no traceback stands among it."""
    every = "".join(e.out for e in ended)
    assert "Traceback" not in every, every
    return [line for line in every.splitlines() if line.startswith("Error: ")]


def test_one_is_asked_to_end_and_both_leave(command: Command, tmp_path: Path, home: Path) -> None:
    """The second one alone gets SIGTERM, in step 9; the run goes on in one process to the end it would have had."""
    arguments = command("left", "--keep-every", "0")
    ended = run(tmp_path / "out", arguments, {1: "asked_to_end"})
    assert [e.status for e in ended] == [143, 143], ended
    assert sentences(ended) == []
    state = torch.load(home / "runs" / "left" / "last.ckpt", weights_only=False)
    assert state["global_step"] == 10
    assert float(state["ferscope"]["sums"][0, 2]) == 3 * 16  # of both, since the epoch before it
    again = CliRunner().invoke(app, arguments)
    assert again.exit_code == 0, again.stderr
    whole = CliRunner().invoke(app, command("whole"))
    assert whole.exit_code == 0, whole.stderr
    for row, other in zip(history(home / "runs" / "left"), history(home / "runs" / "whole"), strict=True):
        assert row == pytest.approx(other, rel=1e-5)
    found, wanted = weights(home / "checkpoints" / "left"), weights(home / "checkpoints" / "whole")
    for name, tensor in wanted.items():
        torch.testing.assert_close(found[name], tensor, rtol=1e-4, atol=1e-6)


def test_a_loss_that_is_no_number_in_one_process(command: Command, tmp_path: Path, home: Path) -> None:
    ended = run(tmp_path / "out", command("nan"), {1: "not_a_number"})
    assert [e.status for e in ended] == [2, 0], ended
    [said] = sentences(ended)
    assert said.startswith("Error: The loss of plain is no finite number any more at step 10 (epoch 2)")
    assert "The last good weights (last epoch, 1 of 3; stopped at step 10" in said
    assert (home / "checkpoints" / "nan" / "card.json").exists()
    state = torch.load(home / "runs" / "nan" / "last.ckpt", weights_only=False)
    assert state["global_step"] == 7  # the epoch before it
    assert all(torch.isfinite(t).all() for t in state["state_dict"].values())


@pytest.mark.parametrize(
    ("rank", "fault", "status", "said"),
    [
        (1, "killed", 2, "Error: Another process of this run has ended without a word"),
        (1, "no_memory", 2, "Error: 16 faces of 48 pixels at once do not fit into the memory"),
        (1, "no_data", 2, "Error: There is no file here."),
        (0, "no_data", 2, "Error: There is no file here."),
    ],
)
def test_what_happens_to_one_ends_both_with_one_sentence(
    rank: int, fault: str, status: int, said: str, command: Command, tmp_path: Path
) -> None:
    ended = run(tmp_path / "out", command("fault"), {rank: fault})
    assert ended[1 - rank].status == status, ended
    assert ended[rank].status == (-9 if fault == "killed" else status), ended
    [sentence] = sentences(ended)
    assert sentence.startswith(said)


def test_a_mistake_that_all_see_is_told_once(command: Command, tmp_path: Path, home: Path) -> None:
    ended = run(tmp_path / "out", [*command("mistake"), "--set", "batch_size=15"])
    assert [e.status for e in ended] == [2, 2], ended
    [said] = sentences(ended)
    assert said == (
        "Error: batch_size 15 is that of all processes together and does not divide by 2 of them. The nearest that do: "
        "--set batch_size=14 or 16."
    )
    assert not (home / "checkpoints" / "mistake").exists()
