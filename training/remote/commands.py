"""`python -m training fit-elsewhere`, the process of a job that trains on a cluster."""

from __future__ import annotations

from typing import Annotated

import typer


def elsewhere_command(  # noqa: PLR0913, PLR0917  (a command line has as many options as it has)
    recipe: Annotated[str, typer.Argument()],
    data: Annotated[str, typer.Option()],
    run: Annotated[str, typer.Option()],
    cluster: Annotated[str, typer.Option(help="`Cluster` as JSON.")],
    labels: Annotated[str | None, typer.Option()] = None,
    tags: Annotated[list[str] | None, typer.Option("--tag")] = None,
    keep_every: Annotated[int, typer.Option(min=0)] = 500,
    record: Annotated[bool, typer.Option()] = True,
) -> None:
    """Train on a Ray cluster, and follow the run from here."""
    from fer_core.workspace import workspace
    from training.recipe import load_recipe
    from training.remote.following import Follower
    from training.remote.place import Cluster, cluster_at
    from training.remote.plan import Plan

    asked, chosen = Cluster.model_validate_json(cluster), load_recipe(recipe, [])
    plan = Plan(
        recipe=chosen.model_dump(mode="json", exclude={"epochs"} if chosen.phases else set()),  # those of the phases
        data=data,
        labels=labels,
        tags=tuple(tags or ()),
        run=run,
        keep_every=keep_every,
        home=str(workspace().resolve()),
        word="",
        cluster=cluster_at(asked.address, asked.workers, asked.gpus),
    )
    raise typer.Exit(Follower(plan, record).follow())
