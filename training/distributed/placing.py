"""Where a process computes, and what Lightning has to know of the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from fer_core.errors import TrainingError
from training.distributed.group import Group

if TYPE_CHECKING:
    from training.recipe import Recipe


def device_of(group: Group) -> torch.device:
    """The device of this process: the graphics card with its number on this machine, or the processor.

    Raises:
        TrainingError: there are fewer cards than processes.
    """
    if not torch.cuda.is_available():
        return torch.device("cpu")
    if group.world == 1:
        return torch.device("cuda")
    if group.starter == "ray":
        from ray.train.torch import get_device

        return torch.device(get_device())
    cards = torch.cuda.device_count()
    if cards < group.on_each_node:
        raise TrainingError(
            f"{group.on_each_node} processes are to train on a machine with {cards} graphics card(s), and each takes "
            "one. Start as many processes as there are cards, or none of them on cards: CUDA_VISIBLE_DEVICES=-1."
        )
    torch.cuda.set_device(group.local)
    return torch.device("cuda", group.local)


def placement(group: Group, recipe: Recipe, plugins: list[Any]) -> dict[str, Any]:
    """Arguments of Lightning's trainer: devices, machines, and how gradients are exchanged.

    On graphics cards batch normalisation takes mean and deviation over the whole batch, as one process would; torch
    cannot do so on processors, where each process takes those of its share.
    """
    if group.world == 1:
        return {"devices": 1, "plugins": plugins}
    from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
    from lightning.pytorch.strategies import DDPStrategy

    # A phase freezes layers after the gradients' exchange was set up for all of them.
    how: dict[str, Any] = {"find_unused_parameters": bool(recipe.phases)}
    devices: int | str = group.on_each_node
    strategy: Any
    if group.starter == "ray":
        from ray.train.lightning import RayDDPStrategy, RayLightningEnvironment

        strategy, devices = RayDDPStrategy(**how), "auto"
        plugins = [*plugins, RayLightningEnvironment()]
    else:
        strategy = DDPStrategy(**how)
        if group.starter == "slurm":  # the state is kept by ourselves, and the job's script puts it back into the queue
            plugins = [*plugins, SLURMEnvironment(auto_requeue=False)]
    return {
        "devices": devices,
        "num_nodes": group.nodes,
        "strategy": strategy,
        "plugins": plugins,
        "sync_batchnorm": torch.cuda.is_available(),
        "use_distributed_sampler": False,
    }
