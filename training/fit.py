"""Runs a recipe: from a sample table to a checkpoint, resumable from where its state was kept last."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import lightning
import torch
from lightning.pytorch.callbacks import WeightAveraging
from torch import nn

from fer_core.checkpoint import Checkpoint
from fer_core.data import SampleTable
from fer_core.errors import RecipeError, TrainingError
from fer_core.models.surgery import shift_logits
from fer_core.workspace import workspace
from training.allocator import freed_memory_kept
from training.data import Tensors, check_trainable, labelled, load_tensors, mean_and_std, with_noise_copies
from training.disk import told_when_full
from training.distributed.group import ALONE, Group, check_batch
from training.distributed.placing import device_of, placement
from training.interrupt import Leaving
from training.keeping import LAST, Keeper, StateFiles, Stopping
from training.layers import check_patterns
from training.losses import check_correction, prior_shift
from training.memory import estimated_need, out_of_memory, too_large
from training.merged import restore_statistics
from training.module import DivergedError, FERModule
from training.points import Points
from training.progress import Progress
from training.recipe import PreprocessSpec, Recipe
from training.run import Run, check_name, claim
from training.shipping import card_of, ship
from training.start import check_size, first_network, merged_statistics
from training.teachers import Teachers, check_teachers, taught

__all__ = ["Run", "check_name", "fit", "fit_share"]


@dataclass(frozen=True)
class _Splits:
    training: SampleTable
    validation: SampleTable


def fit(run: Run, callbacks: Sequence[lightning.Callback] = ()) -> Checkpoint:
    """Trains, or goes on where the run's folder says it stopped, and writes the checkpoint with its card.

    The card's validation figures are measured on the finished checkpoint by the code that `evaluate` runs.

    Args:
        run: what is trained on what, and where it is kept.
        callbacks: whoever else watches the run. They are called before its state is kept, so that what they give as
            `state_dict` is kept with it, and after each epoch's figures are in `trainer.callback_metrics`. A
            support-vector machine has no steps, and calls none of them.

    Raises:
        SystemExit: the process was asked to end (SIGTERM); its state is kept, see `training.interrupt`.
        DataError: a split is missing, has labels that the recipe lacks, lacks a class of the recipe, or the folder
            holds a run on other data.
        RecipeError: the folder holds a run of another recipe, the checkpoint's folder has no `NAME` for a name, or the
            recipe names layers or weights that there are not.
        ModelError: the recipe's architecture is unknown, or does not take its arguments.
        UnavailableError: pretrained weights cannot be had on this machine.
        TrainingError: the loss is no finite number any more (the best weights until then are written all the same),
            or memory or disk do not suffice.
    """
    return cast("Checkpoint", fit_share(run, ALONE, callbacks))  # who is alone is the first


def fit_share(run: Run, group: Group, callbacks: Sequence[lightning.Callback] = ()) -> Checkpoint | None:
    """As `fit`, by one process of several that were started alike and have met (`training.distributed.joining`).

    All train to the same weights; the first one alone keeps them, and writes and returns the checkpoint.

    Raises:
        As `fit`, and:
        RecipeError: the batch size does not divide by the number of processes, or the recipe has no steps to share.
        TrainingError: fewer samples than processes, fewer graphics cards than processes on a machine, or the run's
            folder is not the same for all of them.
    """
    check_name(run.checkpoint_folder.resolve().name)
    with told_when_full(run.folder, run.checkpoint_folder, workspace()):
        return _trained(run, group, callbacks)


def _trained(run: Run, group: Group, callbacks: Sequence[lightning.Callback]) -> Checkpoint | None:
    samples = labelled(run.samples, run.recipe)
    splits = _Splits(samples.split("train"), samples.split("validation"))
    if run.recipe.svm:
        from training.svm import fit_svm  # scikit-learn

        if group.world > 1:
            raise RecipeError(f"{run.recipe.name} is a support-vector machine and learns in one process; start one.")
        return fit_svm(run, splits.training, splits.validation)
    check_batch(run.recipe.batch_size, len(splits.training), group.world)
    resumed = _is_begun(run, group)

    def claimed() -> Path:
        if group.first:
            claim(run, splits.training, splits.validation)
        return run.folder

    module, started_from = prepare(run.recipe, splits.training, splits.validation, resumed, group, claimed)
    precision = lightning_precision(run.recipe.precision, module)
    with _quiet():
        trainer = make_trainer(run, precision, callbacks, group)
        try:
            if group.first:
                _note_need(run, module, autocast=precision == "bf16-mixed")
            with freed_memory_kept():
                # Written by this process on this machine; Lightning's state holds more than tensors.
                trainer.fit(module, ckpt_path=str(run.folder / LAST) if resumed else None, weights_only=False)
        except DivergedError as error:
            if not group.first:  # all know; the first one ships what is good, and tells
                return None
            raise _diverged(run, module, splits, started_from, error) from error
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
            raise too_large(module, autocast=precision == "bf16-mixed") from error
    return _finish(run, module, splits, started_from) if group.first else None


def _note_need(run: Run, module: FERModule, autocast: bool) -> None:
    """For whoever is to say what fits, if the process is killed for its memory."""
    need = estimated_need(module, autocast)
    if need is not None:
        need.save(run.folder)


def _is_begun(run: Run, group: Group) -> bool:
    """Whether there is a state to go on from.

    Raises:
        TrainingError: some processes see it and others do not.
    """
    seen = (run.folder / LAST).is_file()
    if group.any(seen) and group.any(not seen):
        raise TrainingError(
            f"Not all processes see {run.folder / LAST}, from which the run goes on. Put the workspace (FERSCOPE_HOME) "
            "on a disk that all machines share."
        )
    return seen


def prepare(
    recipe: Recipe,
    training_samples: SampleTable,
    validation_samples: SampleTable,
    resumed: bool = False,
    group: Group = ALONE,
    claimed: Callable[[], Path] | None = None,
) -> tuple[FERModule, str]:
    """Network and data on the device, and in words where the network's weights come from.

    What the recipe leaves to the training split (`from-data`) is resolved in the module's recipe.

    Args:
        recipe: how.
        training_samples: what it learns from.
        validation_samples: what it is evaluated on.
        resumed: as `first_network`.
        group: the processes that share the work.
        claimed: called when there is nothing left to be refused but what a teacher does, and makes and gives the run's
            folder; None: it is for no run, and nothing is written.

    Raises:
        As `fit`.
    """
    model, started_from = first_network(recipe, resumed)
    check_patterns(model, recipe)
    check_correction(model, recipe)
    check_size(model, recipe)
    check_teachers(recipe)
    training = load_tensors(training_samples, recipe)
    check_trainable(training, recipe.classes)
    if recipe.preprocess.unresolved:
        how = recipe.preprocess.resolved(*mean_and_std(training.pixels))
        recipe = recipe.model_copy(update={"preprocess": PreprocessSpec(**how.model_dump())})
    training = with_noise_copies(training, recipe.augment, recipe.seed)
    validation = load_tensors(validation_samples, recipe)
    device = device_of(group)
    teachers = Teachers(recipe, device) if recipe.target.teachers and recipe.target.teachers_see == "variants" else None
    module = FERModule(model, recipe, _on_device(training, device), _on_device(validation, device), group, teachers)
    if merged_statistics(recipe) and not resumed:
        some = torch.linspace(0, len(training) - 1, min(512, len(training))).long()
        restore_statistics(model, recipe.preprocess.normalise(training.pixels[some]))
    folder = claimed() if claimed else None
    module.training_data = taught(module.training_data, training_samples, recipe, folder, group)
    return module, started_from


def _on_device(data: Tensors, device: torch.device) -> Tensors:
    try:
        return data.to(device)
    except torch.OutOfMemoryError as error:
        raise TrainingError(
            f"{len(data):,} faces take {data.pixels.nbytes / 1e9:.1f} GB and do not fit into the memory of the GPU; "
            "lower preprocess.size_px or augment.noise_copies."
        ) from error


def make_trainer(
    run: Run, precision: Any, others: Sequence[lightning.Callback], group: Group = ALONE
) -> lightning.Trainer:
    """Lightning's trainer for a run; of several processes the first alone tells how far it is."""
    recipe = run.recipe
    keeper = Keeper(run.folder, run.keep_every_steps)
    telling = [Progress(run.folder)] if group.first else []
    callbacks = [Stopping(recipe), Points(run.folder, group), *telling, *others, keeper, Leaving(keeper, group)]
    if recipe.average_decay:
        callbacks = [WeightAveraging(avg_fn=average_with(recipe.average_decay)), *callbacks]
    return lightning.Trainer(
        accelerator="gpu" if torch.cuda.is_available() else "cpu",
        max_epochs=recipe.epochs,
        precision=precision,
        callbacks=callbacks,
        reload_dataloaders_every_n_epochs=1,
        num_sanity_val_steps=0,
        logger=False,
        enable_checkpointing=False,  # Lightning's own; the Keeper does it
        enable_progress_bar=False,
        enable_model_summary=False,
        **placement(group, recipe, [StateFiles()]),
    )


def average_with(decay: float) -> Callable[[torch.Tensor, torch.Tensor, Any], torch.Tensor]:
    """The moving average's step: `decay` of the average is kept, less at first, so that the start is forgotten.

    After n updates min(decay, (1 + n) / (10 + n)) is kept.
    """

    def step(average: torch.Tensor, current: torch.Tensor, updates: Any) -> torch.Tensor:
        if not average.is_floating_point():
            return current
        kept = min(decay, (1 + int(updates)) / (10 + int(updates)))
        return torch.lerp(current, average, kept)

    return step


def lightning_precision(wanted: str, model: nn.Module) -> Any:
    """Lightning's name for a recipe's precision.

    `auto` is bfloat16 where the machine has instructions for it, but for networks like MobileNet and EfficientNet on a
    processor: without instructions for small depthwise convolutions they take 1.7 and 2 times as long in bfloat16.
    """
    if wanted == "auto":
        if torch.cuda.is_available():
            fast = torch.cuda.is_bf16_supported(including_emulation=False)
        else:
            features = torch.cpu.get_capabilities()
            fast = bool(features.get("avx512_bf16") or features.get("amx_bf16")) and not _small_depthwise(model)
        wanted = "bfloat16" if fast else "float32"
    return "bf16-mixed" if wanted == "bfloat16" else "32-true"


def _small_depthwise(model: nn.Module) -> bool:
    """Whether some layer convolves each channel for itself, over at most five pixels; ConvNeXt's seven pay off."""
    layers = (layer for layer in model.modules() if isinstance(layer, nn.Conv2d))
    return any(1 < layer.groups == layer.in_channels and max(layer.kernel_size) <= 5 for layer in layers)


def _diverged(run: Run, module: FERModule, splits: _Splits, started_from: str, error: DivergedError) -> TrainingError:
    """Writes the checkpoint of the best weights so far, where there are any, and says so."""
    a_epoch = len(module.train_dataloader())
    epoch = (error.step - 1) // a_epoch + 1
    said = f"The loss of {run.recipe.name} is no finite number any more at step {error.step} (epoch {epoch})"
    remedy = (
        f"The run would come to the same step again: lower optimiser.learning_rate "
        f"(now {run.recipe.optimiser.learning_rate:g}) and begin under another name."
    )
    if not (run.folder / f"{run.recipe.select}.ckpt").is_file():
        return TrainingError(f"{said}, before an epoch was over whose weights could be kept. {remedy}")
    kept = _finish(run, module, splits, started_from, f"; stopped at step {error.step}, where the loss was not finite")
    trained = kept.card.trained
    return TrainingError(
        f"{said}. The last good weights ({trained.selected_on if trained else ''}) are kept in {kept.folder}. {remedy}"
    )


def _finish(run: Run, module: FERModule, splits: _Splits, started_from: str, remark: str = "") -> Checkpoint:
    recipe = run.recipe
    # Lightning keeps the moving average, where there is one, under `state_dict`.
    state = torch.load(run.folder / f"{recipe.select}.ckpt", map_location="cpu", weights_only=False)
    module.load_state_dict(state["state_dict"])
    if recipe.loss.prior_correction:
        labels = module.training_data.labels.cpu()
        shift_logits(module.model, prior_shift(recipe.loss, labels, len(recipe.classes)))
    how = "best validation accuracy, epoch" if recipe.select == "best" else "last epoch,"
    card = card_of(
        run,
        splits.training,
        preprocess=module.recipe.preprocess.resolved(None, None),
        selected_on=f"{how} {int(state['epoch']) + 1} of {recipe.epochs}{remark}",
        started_from=started_from,
    )
    return ship(run, module.model, card, splits.training, splits.validation)


class _quiet(warnings.catch_warnings):  # noqa: N801  (reads as a statement)
    """Leaves out what Lightning tells its developers: its own loaders' advice, hardware notices."""

    def __enter__(self) -> Any:
        entered = super().__enter__()
        warnings.filterwarnings("ignore", module="lightning")
        for name in ("lightning.pytorch", "lightning.fabric"):
            logging.getLogger(name).setLevel(logging.ERROR)
        return entered
