"""The processes that train one network together, as one of them sees them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from fer_core.errors import RecipeError, TrainingError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import torch

Starter = Literal["", "torchrun", "slurm", "ray"]


@dataclass(frozen=True)
class Group:
    """One process's place among those that train together; a process alone is the first of one.

    Sums and agreements wait for all processes, so that all must ask for them, in the same order. A process alone gets
    back what it gave.

    Attributes:
        rank: its number among all, from 0.
        world: how many there are.
        local: its number on its machine, from 0.
        nodes: machines.
        starter: what has started them.
    """

    rank: int = 0
    world: int = 1
    local: int = 0
    nodes: int = 1
    starter: Starter = ""

    @property
    def first(self) -> bool:
        """Whether it is the process that writes."""
        return self.rank == 0

    @property
    def on_each_node(self) -> int:
        """Processes on one machine."""
        return self.world // self.nodes

    def share(self, n: int) -> slice:
        """Its part of n samples: the parts follow one another, hold each sample once, and differ by one at most."""
        return slice(n * self.rank // self.world, n * (self.rank + 1) // self.world)

    def total(self, values: torch.Tensor) -> torch.Tensor:
        """The sum over all processes, the same bits in each."""
        if self.world == 1:
            return values
        from torch import distributed

        values = values.clone()
        distributed.all_reduce(values)
        return values

    def lowest(self, value: int) -> int:
        """The lowest of the processes' values."""
        if self.world == 1:
            return value
        import torch
        from torch import distributed

        values = torch.tensor(value)  # on the processor: a graphics card would have to be waited for
        distributed.all_reduce(values, op=distributed.ReduceOp.MIN)
        return int(values)

    def any(self, flag: bool) -> bool:
        """Whether it is so in one process at least."""
        return self.lowest(int(not flag)) == 0

    def same(self, tensors: Iterable[torch.Tensor]) -> None:
        """Overwrites the tensors with those of the first process."""
        if self.world > 1:
            from torch import distributed

            for tensor in tensors:
                distributed.broadcast(tensor, 0)


ALONE = Group()


def detect(variables: Mapping[str, str] | None = None) -> Group:
    """The group that `torchrun` or `srun` has started this process in; `ALONE` where neither has.

    Args:
        variables: of the environment; this process's own by default.
    """
    env = os.environ if variables is None else variables
    if "TORCHELASTIC_RUN_ID" in env and int(env.get("WORLD_SIZE", "1")) > 1:
        world = int(env["WORLD_SIZE"])
        nodes = world // int(env.get("LOCAL_WORLD_SIZE", str(world)))
        return Group(int(env["RANK"]), world, int(env["LOCAL_RANK"]), nodes, "torchrun")
    # The script of a batch job has SLURM_NTASKS as well, but only what srun starts is one of several processes.
    if int(env.get("SLURM_STEP_NUM_TASKS", "1")) > 1 and "SLURM_PROCID" in env:
        nodes = int(env.get("SLURM_STEP_NUM_NODES", env.get("SLURM_NNODES", "1")))
        world = int(env["SLURM_STEP_NUM_TASKS"])
        return Group(int(env["SLURM_PROCID"]), world, int(env.get("SLURM_LOCALID", "0")), nodes, "slurm")
    return ALONE


def check_batch(batch_size: int, samples: int, world: int) -> None:
    """Refuses what cannot be shared out evenly.

    Raises:
        RecipeError: the recipe's batch size does not divide by the number of processes.
        TrainingError: a process would have no sample.
    """
    if batch_size % world:
        near = [size for size in (batch_size - batch_size % world, batch_size + world - batch_size % world) if size]
        raise RecipeError(
            f"batch_size {batch_size} is that of all processes together and does not divide by {world} of them. The "
            f"nearest that {'do' if len(near) > 1 else 'does'}: --set batch_size={' or '.join(map(str, near))}."
        )
    if samples < world:
        raise TrainingError(f"{samples} training samples cannot be shared among {world} processes; start fewer.")
