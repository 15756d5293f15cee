"""A batch script for SLURM that trains one recipe on several machines."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from fer_core.errors import RecipeError
from fer_core.workspace import workspace

_ROOT = Path(__file__).resolve().parents[1]
_TIME = "minutes, minutes:seconds, hours:minutes:seconds, days-hours, days-hours:minutes or days-hours:minutes:seconds"


@dataclass(frozen=True)
class Allocation:
    """What is asked of SLURM.

    Attributes:
        nodes: machines.
        gpus_per_node: cards of each, one process for each of them; 0 trains on processors.
        processes_per_node: without cards, processes on each machine.
        cpus_per_process: cores for each process.
        time: as SLURM writes limits.
        notice_s: seconds before the limit at which the run is asked to keep its state.
        partition: SLURM's; empty takes its default.
    """

    nodes: int
    gpus_per_node: int
    time: str
    processes_per_node: int = 1
    cpus_per_process: int = 4
    notice_s: int = 180
    partition: str = ""

    @property
    def tasks_per_node(self) -> int:
        """Processes on each machine."""
        return self.gpus_per_node or self.processes_per_node

    @property
    def processes(self) -> int:
        """Of all machines together."""
        return self.nodes * self.tasks_per_node


def batch_script(name: str, arguments: Sequence[str], wanted: Allocation) -> str:
    """The text for `sbatch`: `srun` starts `python -m training ARGUMENTS` once for each process.

    Some minutes before the time is over SLURM sends SIGTERM to all processes; they keep the state, end with status
    143, and the job puts itself back into the queue, to go on there. A job that is cancelled does not come back.

    Args:
        name: of the run, and of the job.
        arguments: of `python -m training`, such as `["fit", "compact", "--data", "fer2013"]`.
        wanted: what is asked for.

    Raises:
        RecipeError: a time or a partition that SLURM would not read.
    """
    _check(wanted)
    lines = [
        "#!/bin/bash",
        f"#SBATCH --job-name=ferscope-{name}",
        f"#SBATCH --nodes={wanted.nodes}",
        f"#SBATCH --ntasks-per-node={wanted.tasks_per_node}",
        *([f"#SBATCH --gpus-per-node={wanted.gpus_per_node}"] if wanted.gpus_per_node else []),
        f"#SBATCH --cpus-per-task={wanted.cpus_per_process}",
        f"#SBATCH --time={wanted.time}",
        *([f"#SBATCH --partition={wanted.partition}"] if wanted.partition else []),
        f"#SBATCH --signal=TERM@{wanted.notice_s}",
        "#SBATCH --requeue",
        "#SBATCH --open-mode=append",
        f"#SBATCH --output={name}-%j.log",
        "",
        "# The machines share this code, its environment and the workspace.",
        f"export FERSCOPE_HOME={shlex.quote(str(workspace().resolve()))}",
        f"export OMP_NUM_THREADS={wanted.cpus_per_process}",
        f"cd {shlex.quote(str(_ROOT))}",
        "",
        f"srun --kill-on-bad-exit=1 {shlex.join([sys.executable, '-m', 'training', *arguments])}",
        "status=$?",
        "if [ $status -eq 143 ]; then  # asked to end, and the state is kept",
        '    scontrol requeue "$SLURM_JOB_ID"',
        "fi",
        "exit $status",
    ]
    return "\n".join(lines) + "\n"


def _check(wanted: Allocation) -> None:
    time = wanted.time.replace("-", ":").split(":")
    if not (1 <= len(time) <= 4 and all(part.isdecimal() for part in time) and wanted.time.count("-") <= 1):
        raise RecipeError(f"--time {wanted.time!r} is not a time for SLURM, which takes {_TIME}.")
    if wanted.partition and not wanted.partition.replace("-", "").replace("_", "").replace(",", "").isalnum():
        raise RecipeError(f"--partition {wanted.partition!r} is not a name of a partition.")


def slurm_command(  # noqa: PLR0913, PLR0917  (a command line has as many options as it has)
    recipe: Annotated[str, typer.Argument(help="Name of a recipe, or path of a YAML file.")],
    data: Annotated[str, typer.Option(help="Name of an imported data set, or path: fer2013.csv, Parquet, folder.")],
    time: Annotated[str, typer.Option(help="Limit as SLURM writes it, such as 8:00:00; the run goes on after it.")],
    nodes: Annotated[int, typer.Option(min=1, help="Machines.")] = 1,
    gpus_per_node: Annotated[int, typer.Option(min=0, help="Cards of each; one process for each. 0: none.")] = 1,
    processes_per_node: Annotated[int, typer.Option(min=1, help="Processes on each machine without cards.")] = 1,
    cpus: Annotated[int, typer.Option(min=1, help="Cores for each process.")] = 4,
    partition: Annotated[str, typer.Option(help="SLURM's partition.")] = "",
    labels: Annotated[str | None, typer.Option(help="FER+ votes (fer2013new.csv) for FER2013.")] = None,
    changes: Annotated[list[str] | None, typer.Option("--set", help="Change a value: key=value, repeatable.")] = None,
    tags: Annotated[list[str] | None, typer.Option("--tag", help="As for fit; repeatable.")] = None,
    run: Annotated[str | None, typer.Option(help="Name of the run; default: that of the recipe.")] = None,
    keep_every: Annotated[int, typer.Option(min=0, help="Keep the state every so many steps.")] = 500,
    out: Annotated[Path | None, typer.Option(help="File to write the script to; default: print it.")] = None,
) -> None:
    """Write a batch script for SLURM that trains a recipe, and goes on by itself where its time was over."""
    from training.distributed.group import check_batch
    from training.jobs.job import FitRequest
    from training.jobs.queue import with_whole_paths
    from training.recipe import load_recipe
    from training.run import check_name

    chosen = load_recipe(recipe, changes or [])
    name = run or chosen.name
    check_name(name)
    wanted = Allocation(nodes, gpus_per_node, time, processes_per_node, cpus, partition=partition)
    check_batch(chosen.batch_size, wanted.processes, wanted.processes)
    asked = with_whole_paths(FitRequest(data=data, labels=labels, tags=tuple(tags or ())))
    source = str(Path(recipe).resolve()) if Path(recipe).is_file() else recipe
    arguments = ["fit", source, "--data", asked.data, "--run", name, "--keep-every", str(keep_every)]
    arguments += ["--labels", asked.labels] if asked.labels else []
    arguments += [part for tag in asked.tags for part in ("--tag", tag)]
    arguments += [part for change in changes or [] for part in ("--set", change)]
    text = batch_script(name, arguments, wanted)
    if out is None:
        typer.echo(text, nl=False)
        return
    out.write_text(text, encoding="utf-8")
    typer.echo(f"{out}: hand it in with `sbatch {shlex.quote(str(out))}`.")
