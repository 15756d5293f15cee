"""`python -m fer_core regions` and `trust`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from fer_core.cli import Json, emit, progress_line
from fer_core.errors import DataError
from fer_core.workspace import DEFAULT_CHECKPOINT

CheckpointName = Annotated[str, typer.Option("--checkpoint", help="Name or folder of a checkpoint.")]
Data = Annotated[Path, typer.Option("--data", help="Name of an imported data set, or path of face crops.")]
Split = Annotated[str, typer.Option("--split", help="train, validation, test, or the source's own name.")]

_PRIOR_FACES = 64


def regions_command(  # noqa: PLR0913, PLR0917  (a command line has as many options as it has)
    data: Data,
    split: Split,
    checkpoint: CheckpointName = DEFAULT_CHECKPOINT,
    method: Annotated[str, typer.Option(help="gradcam, hirescam, occlusion, ...; see `models`.")] = "gradcam",
    layer: Annotated[str | None, typer.Option(help="Layer of the maps; `fine`: one that every region allows.")] = None,
    explained: Annotated[str, typer.Option(help="Whose logit: that of the `predicted` class or of the `label`.")] = (
        "predicted"
    ),
    intervene: Annotated[list[str] | None, typer.Option(help="Also take regions away: blur, mean, swap.")] = None,
    points: Annotated[str, typer.Option(help="Where regions are from: network, yunet or mean.")] = "network",
    prior: Annotated[str, typer.Option(help="`centre`: a Gaussian; `network`: one with shuffled weights.")] = "centre",
    seed: Annotated[int, typer.Option(help="Of whatever is drawn at random.")] = 0,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the report for the Saliency page.")] = False,
    as_json: Json = False,
) -> None:
    """Tell which regions of the face a checkpoint's maps lie in, and with --intervene which drive its answers."""
    from fer_core.data.opening import open_samples
    from fer_core.explain import get_explainer
    from fer_core.regions.intervention import intervene as take_away
    from fer_core.regions.measure import Asked, attribute, fine_layer, sources_for
    from fer_core.regions.prior import network_prior
    from fer_core.regions.report import report

    explainer = get_explainer(checkpoint)
    samples = open_samples(data).split(split)
    sources = sources_for(samples, points)
    if layer == "fine":
        layer = fine_layer(explainer, samples, sources)
    asked = Asked(method, layer, explained=_one_of(explained, "--explained"), seed=seed)
    if prior not in ("centre", "network"):
        raise DataError(f"--prior is {prior!r}; it must be centre or network.")
    few = [samples.decode(row) for row in range(min(_PRIOR_FACES, len(samples)))]
    expected = network_prior(explainer, few, asked) if prior == "network" else None
    found = attribute(explainer, samples, asked, sources=sources, prior=expected, progress=progress_line("maps"))
    taken = None
    if intervene:
        show = progress_line("interventions")
        taken = take_away(explainer, samples, asked, fills=intervene, sources=sources, progress=show)
    told = report(found, explainer.layers(), taken)
    if keep:
        from fer_core.regions.kept import keep as kept

        kept(told, str(data), split, checkpoint, points)
    emit(
        {"data": str(data), "split": split, "prior": prior, "points": points, **told.as_json()}, as_json, told.as_text()
    )


def _one_of(explained: str, option: str) -> Literal["predicted", "label"]:
    if explained == "predicted":
        return "predicted"
    if explained == "label":
        return "label"
    raise DataError(f"{option} is {explained!r}; it must be predicted or label.")


def trust_command(  # noqa: PLR0913, PLR0917
    data: Annotated[Path | None, typer.Option("--data", help="Name of an imported data set, or path.")] = None,
    split: Split = "validation",
    checkpoint: CheckpointName = DEFAULT_CHECKPOINT,
    method: Annotated[list[str] | None, typer.Option(help="A saliency method; repeatable.")] = None,
    layer: Annotated[str | None, typer.Option(help="Layer of the maps; default: the last one.")] = None,
    faces: Annotated[int, typer.Option(help="How many faces, drawn at random from the split.", min=1, max=2000)] = 100,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the report for the Saliency page.")] = False,
    drawn: Annotated[bool, typer.Option("--drawn", help="Schematic faces, whose evidence is known.")] = False,
    seed: Annotated[int, typer.Option(help="Of whatever is drawn at random.")] = 0,
    as_json: Json = False,
) -> None:
    """Tell whether maps of a checkpoint may be believed: deletion, insertion, ROAD, randomised weights, stability."""
    from fer_core.explain import get_explainer
    from fer_core.explain.trust import Examined, trust
    from fer_core.explain.trust.faces import sampled, schematic

    if drawn == (data is not None):
        raise DataError("Name the faces to examine by one of two: --data with --split, or --drawn for schematic ones.")
    explainer = get_explainer(checkpoint)
    usual = Examined()
    asked = Examined(tuple(method or usual.methods), layer, seed)
    crops, evidence = schematic(faces, seed, explainer.card.preprocess.size_px) if drawn else ([], None)
    if data is not None:
        from fer_core.data.opening import open_samples

        samples = open_samples(data).split(split)
        crops = sampled(samples, faces, seed)
    found = trust(explainer, crops, asked, evidence=evidence, progress=progress_line("passes"))
    told = {"data": str(data or "drawn"), "split": split, **found.as_json()}
    if keep:
        from fer_core.explain.trust.kept import keep as kept

        kept(told, explainer.card.weights_sha256)
    emit(told, as_json, found.as_text())
