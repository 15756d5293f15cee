"""What a run would refuse before its first step, found out before it is handed in: no weights, no faces, no memory."""

from __future__ import annotations

from training.recipe import Recipe


def check_recipe(recipe: Recipe, here: bool = True) -> None:
    """Builds the recipe's network on torch's meta device, and looks for whatever else it names.

    It loads torch, and the package of the architecture, where they are not loaded yet; the rest is a matter of
    milliseconds, but for weights of a server, which is asked whether it answers.

    Args:
        recipe: what is about to be trained.
        here: on this machine; otherwise it is not known whether the weights to start from are there, and nobody asks.

    Raises:
        ModelError: the architecture is unknown, or does not take its arguments; the nearest are named.
        RecipeError: a pattern means no layer, a phase trains nothing, a teacher lacks a class, the pictures are of a
            size that the network cannot look at, or the weights to start from do not exist for this architecture.
        CheckpointError: a teacher, or the features of a support-vector machine, are no checkpoint of this machine.
        MissingWeightsError: the weights to start from cannot be had on this machine.
    """
    if recipe.svm:
        from training.svm import features_of

        features_of(recipe)
        return
    from training.layers import check_patterns
    from training.losses import check_correction
    from training.start import check_size, check_start, network_without_weights

    _check_teachers(recipe)
    network = network_without_weights(recipe)
    check_patterns(network, recipe)
    check_correction(network, recipe)
    check_size(network, recipe)
    if here:
        check_start(recipe)


def _check_teachers(recipe: Recipe) -> None:
    if recipe.target.teachers:
        from training.teachers import check_teachers  # with all that predicts, which others need not wait for

        check_teachers(recipe)
