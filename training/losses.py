"""What a wrong answer costs: cross-entropy and focal loss against a distribution, weighted by class."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from fer_core.errors import DataError, ModelError, RecipeError
from fer_core.labels import canonical
from fer_core.models.surgery import shift_logits
from training.recipe import LossSpec, Recipe


def class_weights(spec: LossSpec, labels: torch.Tensor, classes: tuple[str, ...]) -> torch.Tensor | None:
    """The weight of each class by its number of training samples; None where all weigh the same.

    `balanced`: n / (K n_c), which is 1 on the average over the samples. `effective-number`: in proportion to
    (1 - beta) / (1 - beta^n_c), of sum K (Cui et al. 2019, arXiv 1901.05555, eq. 2 and section 4). By name: as given,
    1 where a class is not named.

    Args:
        spec: the loss.
        labels: int64 (N,), the training split's.
        classes: K names in the order of the outputs.

    Returns:
        float32 (K,), on the device of `labels`.

    Raises:
        DataError: a class without samples has no weight by its number.
    """
    asked = spec.class_weights
    if asked == "none":
        return None
    if isinstance(asked, dict):
        named = {canonical(name): weight for name, weight in asked.items()}
        return torch.tensor([named.get(name, 1.0) for name in classes], device=labels.device)
    counts = torch.bincount(labels, minlength=len(classes)).double()
    empty = [name for name, count in zip(classes, counts.tolist(), strict=True) if not count]
    if empty:
        raise DataError(
            f"loss.class_weights: {asked} needs samples of every class, but the training split has none of "
            f"{', '.join(empty)}. Give weights by name, or leave the class out of `classes`."
        )
    if asked == "balanced":
        weights = len(labels) / (len(classes) * counts)
    else:
        weights = (1 - spec.effective_beta) / (1 - spec.effective_beta**counts)
        weights = weights * len(classes) / weights.sum()
    return weights.float()


def check_correction(network: nn.Module, recipe: Recipe) -> None:
    """Refuses a correction for class frequencies that the finished network could not be given.

    Raises:
        RecipeError: the network does not end in a linear layer with a bias.
    """
    if recipe.loss.prior_correction:
        try:
            shift_logits(network, torch.zeros(len(recipe.classes), device=next(network.parameters()).device))
        except ModelError as error:
            raise RecipeError(f"{error} Set loss.prior_correction to 0.") from error


def prior_shift(spec: LossSpec, labels: torch.Tensor, classes: int) -> torch.Tensor:
    """What a finished network's logits are shifted by, float32 (K,): -c log(n_k / n), for the recipe's correction c.

    Args:
        spec: the loss.
        labels: int64 (N,), the training split's; every class has some.
        classes: K.
    """
    frequencies = torch.bincount(labels, minlength=classes).double() / len(labels)
    return (-spec.prior_correction * frequencies.log()).float()


def loss_of(
    logits: torch.Tensor, targets: torch.Tensor, spec: LossSpec, weights: torch.Tensor | None = None
) -> torch.Tensor:
    """Mean over the samples of -sum_c w_c t_c (1 - p_c)^gamma log p_c; gamma is 0 for cross-entropy.

    For a target that is one class alone this is the focal loss of Lin et al. 2017 (arXiv 1708.02002, eq. 5), whose
    alpha is the class weight. The sum over samples is divided by their number, not by the sum of their weights.

    Args:
        logits: (N, K), finite or not.
        targets: float (N, K), rows sum to 1.
        spec: the loss.
        weights: (K,) of `class_weights`.

    Returns:
        A scalar, nats.
    """
    logits = logits.float()
    if spec.name == "cross-entropy":
        return functional.cross_entropy(logits, targets, weight=weights)
    log_p = functional.log_softmax(logits, 1)
    # Not 0, where the power of a gamma below 1 has no slope.
    cost = -targets * (-torch.expm1(log_p)).clamp(min=1e-7) ** spec.focal_gamma * log_p
    if weights is not None:
        cost = cost * weights
    return cost.sum(1).mean()
