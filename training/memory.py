"""When the machine's memory does not suffice: which batch size does."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import psutil
import torch
from torch.autograd.graph import saved_tensors_hooks

from fer_core.errors import TrainingError
from training.layers import make_optimiser
from training.module import FERModule
from training.need import Need

_PROBED = (8, 16)  # faces; what does not depend on their number, such as weights in bfloat16, is in both
_OPTIMISER_COPIES = {"sgd": 1, "adam": 2, "adamw": 2}  # of the weights, in its memory
_BESIDE = 1.5  # a step's operations need memory for themselves beside what is kept (docs/training.md)


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


@contextlib.contextmanager
def kept_for_the_way_back(module: FERModule) -> Iterator[dict[int, int]]:
    """Fills a dictionary, while steps are made, with the bytes that are kept for the way back, by address."""
    held: dict[int, int] = {}
    own = {p.untyped_storage().data_ptr() for p in module.parameters()}

    def note(kept: torch.Tensor) -> torch.Tensor:
        memory = kept.untyped_storage()
        if memory.data_ptr() not in own:
            held[memory.data_ptr()] = memory.nbytes()
        return kept

    with saved_tensors_hooks(note, lambda kept: kept):
        yield held


def estimated_need(module: FERModule, autocast: bool) -> Need | None:
    """What a run's steps will take of this machine's memory, from a pass of a few faces; None on a graphics card.

    Nothing of the run is changed by it: statistics of batch normalisation are put back, and each step seeds its chance.
    """
    data, recipe, world = module.training_data, module.recipe, module.group.world
    if data.pixels.is_cuda:
        return None
    statistics = {name: buffer.clone() for name, buffer in module.model.named_buffers()}
    module.train()
    few_mb, more_mb = (_held_mb(module, faces * world, autocast) for faces in _PROBED)
    for name, buffer in module.model.named_buffers():
        buffer.copy_(statistics[name])
    weights_mb = sum(p.nbytes for p in module.parameters()) / 1e6
    copies = 1 + _OPTIMISER_COPIES[recipe.optimiser.name] + bool(recipe.average_decay)  # gradients are the first
    fixed_mb = psutil.Process().memory_info().rss / 1e6 + copies * weights_mb
    return Need(recipe.batch_size, world, world * fixed_mb, _BESIDE * (more_mb - few_mb) / (_PROBED[1] - _PROBED[0]))


def _held_mb(module: FERModule, faces: int, autocast: bool) -> float:
    """What is kept for the way back of so many faces, some of them several times where there are fewer."""
    data = module.training_data
    rows = torch.arange(faces) % len(data)
    with kept_for_the_way_back(module) as held, torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
        graph = module.loss_on(data.pixels[rows], data.targets[rows], 0)  # held as long as addresses are compared
        total = sum(held.values())
    del graph
    return total / 1e6
