"""When the machine's memory does not suffice: which batch size does."""

from __future__ import annotations

import torch

from fer_core.errors import TrainingError
from training.layers import make_optimiser
from training.module import FERModule


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on a GPU or on the processor."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)  # torch's own words for the CPU


def fitting_batch_size(module: FERModule, autocast: bool) -> int | None:
    """The largest of a half, a quarter, ... of the recipe's batch size with which a whole step fits; None if none does.

    The module is of no use afterwards: the steps are made, on its weights.
    """
    size = min(module.recipe.batch_size, len(module.training_data)) // 2
    while size >= 2 * module.group.world:
        try:
            one_step(module, make_optimiser(module.model, module.recipe.optimiser), size, autocast)
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
        else:
            return size
        module.zero_grad(set_to_none=True)
        if module.training_data.pixels.is_cuda:
            torch.cuda.empty_cache()
        size //= 2
    return None


def one_step(module: FERModule, optimiser: torch.optim.Optimizer, size: int, autocast: bool) -> torch.Tensor:
    """A step of training on the first faces, without a trainer; gives the logits (size, K)."""
    device = module.training_data.pixels.device
    module.to(device).train()
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=autocast):
        loss, logits, _ = module.loss_on(module.training_data.pixels[:size], module.training_data.targets[:size], 0)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    optimiser.step()
    return logits


def too_large(module: FERModule, autocast: bool) -> TrainingError:
    """The error that names the batch size which fits."""
    recipe = module.recipe
    where = "the GPU" if module.training_data.pixels.device.type == "cuda" else "this machine"
    fits = fitting_batch_size(module, autocast)
    if fits is None:
        remedy = "Not even two fit; take a smaller network or lower preprocess.size_px."
    else:
        remedy = f"{fits} fit: --set batch_size={fits}."
    return TrainingError(
        f"{recipe.batch_size} faces of {recipe.preprocess.size_px} pixels at once do not fit into the memory of "
        f"{where} with {recipe.model.architecture}. {remedy}"
    )
