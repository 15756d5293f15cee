"""`python -m training.remote.entry plan.json`: the run, on the cluster. Ray Jobs starts it on the head node."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import Any

from fer_core.errors import DataError, FERScopeError, TrainingError
from training.distributed.group import Group, check_batch
from training.ordering import Order, carry_out
from training.remote.place import HOME, LEFT, TOLD
from training.remote.plan import Plan

_SAID, _ASKED_TO_END = 2, 143  # exit statuses, as elsewhere


def main(file: Path) -> int:
    """Does what a plan says; the exit status."""
    plan = Plan.model_validate_json(file.read_bytes())
    try:
        check_sight(plan)
        if plan.cluster.workers == 1:
            _train(plan, Group(starter="ray"))
        else:
            check_batch(int(plan.recipe["batch_size"]), plan.cluster.workers, plan.cluster.workers)
            _train_on_workers(plan)
    except FERScopeError as error:
        print(f"Error: {error}", file=sys.stderr, flush=True)  # noqa: T201  (the log of the job)
        return _SAID
    return _ASKED_TO_END if (plan.folder / LEFT).exists() else 0


def check_sight(plan: Plan) -> None:
    """Refuses to train where nobody would see it.

    Raises:
        DataError: this machine does not see the workspace that the run was handed in from.
    """
    note = plan.folder / HOME
    if not note.is_file() or note.read_text(encoding="utf-8") != plan.word:
        raise DataError(
            f"The machine {os.uname().nodename} of the cluster does not see the workspace {plan.home}. Put it on a "
            "disk that all machines of the cluster have under the same path, and name it with FERSCOPE_HOME."
        )


def _train(plan: Plan, group: Group) -> None:
    from training.recipe import parse_recipe

    order = Order(
        parse_recipe(plan.recipe), Path(plan.data), Path(plan.labels) if plan.labels else None, plan.tags, plan.run,
        plan.checkpoint_folder, plan.keep_every, record=False,
    )  # fmt: skip
    try:
        carry_out(order, group)
    except SystemExit:  # it was asked to end, and its state is kept
        if group.first:
            (plan.folder / LEFT).touch()


def _train_on_workers(plan: Plan) -> None:
    from ray.train import RunConfig, ScalingConfig
    from ray.train.torch import TorchConfig, TorchTrainer
    from ray.train.v2.api.exceptions import TrainingFailedError

    workers, gpus = plan.cluster.workers, plan.cluster.gpus
    trainer = TorchTrainer(
        work,
        train_loop_config={"plan": plan.model_dump_json()},
        torch_config=TorchConfig(backend="cpu:gloo,cuda:nccl" if gpus else "gloo"),
        scaling_config=ScalingConfig(num_workers=workers, use_gpu=gpus),
        run_config=RunConfig(name=plan.run, storage_path=str(plan.folder / "ray")),
    )
    try:
        trainer.fit()
    except TrainingFailedError as error:
        with contextlib.suppress(FileNotFoundError):
            raise TrainingError((plan.folder / TOLD).read_text(encoding="utf-8")) from error
        raise


def work(config: dict[str, Any]) -> None:
    """One worker of Ray Train."""
    from ray.train import get_context

    plan, context = Plan.model_validate_json(config["plan"]), get_context()
    group = Group(context.get_world_rank(), context.get_world_size(), context.get_local_rank(), starter="ray")
    try:
        check_sight(plan)
        _train(plan, group)
    except FERScopeError as error:
        with contextlib.suppress(OSError), (plan.folder / TOLD).open("x", encoding="utf-8") as note:
            note.write(str(error))
        raise


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
