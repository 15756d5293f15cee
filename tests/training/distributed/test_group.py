"""Shares, and what the environment says of a group."""

import itertools

import pytest
import torch

from fer_core.errors import RecipeError, TrainingError
from training.batches import InOrder
from training.data import Tensors
from training.distributed.group import ALONE, Group, check_batch, detect


@pytest.mark.parametrize(("n", "world"), [(63, 2), (16, 2), (7, 3), (2, 4), (0, 2), (1000, 7)])
def test_shares_hold_every_sample_once(n: int, world: int) -> None:
    numbers = torch.arange(n)
    data = Tensors(numbers[:, None, None, None], numbers[:, None].float(), numbers)
    parts = [InOrder(data, 5, Group(rank, world).share(n)) for rank in range(world)]
    shown = [[labels.tolist() for _, labels in part] for part in parts]
    assert list(itertools.chain(*itertools.chain(*shown))) == list(range(n))
    sizes = [sum(map(len, batches)) for batches in shown]
    assert max(sizes) - min(sizes) <= 1
    assert all(len(part) == len(batches) for part, batches in zip(parts, shown, strict=True))
    assert all(batches for batches in shown) == bool(n)  # who has none takes part with an empty batch


def test_where_a_group_is_found() -> None:
    assert detect({}) == ALONE
    torchrun = {"TORCHELASTIC_RUN_ID": "x", "WORLD_SIZE": "4", "RANK": "3", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"}
    assert detect(torchrun) == Group(3, 4, 1, 2, "torchrun")
    assert detect(torchrun | {"WORLD_SIZE": "1"}) == ALONE
    srun = {"SLURM_STEP_NUM_TASKS": "6", "SLURM_PROCID": "4", "SLURM_LOCALID": "1", "SLURM_STEP_NUM_NODES": "2"}
    assert detect(srun) == Group(4, 6, 1, 2, "slurm")
    assert detect({"SLURM_NTASKS": "6", "SLURM_PROCID": "0"}) == ALONE  # the script of the job itself


def test_what_cannot_be_shared() -> None:
    check_batch(16, 112, 4)
    with pytest.raises(RecipeError, match=r"divide by 3 of them\. The nearest that do: --set batch_size=15 or 18"):
        check_batch(16, 112, 3)
    with pytest.raises(RecipeError, match="The nearest that does: --set batch_size=4"):
        check_batch(2, 112, 4)
    with pytest.raises(TrainingError, match="3 training samples cannot be shared among 4 processes"):
        check_batch(4, 3, 4)
