"""`python -m fer_core data`: import, look at, audit and combine data sets. The pages start the long ones as tasks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from fer_core.cli import Json, app_with_errors, emit, progress_line
from fer_core.workspace import DEFAULT_CHECKPOINT

app = app_with_errors("Data sets: import, browse, audit, combine.")

SetName = Annotated[str, typer.Argument(help="Name of a data set; `data list` has them.", show_default=False)]
NewName = Annotated[str, typer.Option("--name", help="Name that the data set is kept under.", show_default=False)]
CheckpointName = Annotated[str, typer.Option("--checkpoint", help="Name or folder of a checkpoint.")]


@app.command("import")
def import_command(  # noqa: PLR0913, PLR0917  (a command line has as many options as it has)
    path: Annotated[Path, typer.Argument(help="File, folder or archive (ZIP, TAR) of a known layout.")],
    name: Annotated[str | None, typer.Option(help="Name to keep it under; default: the file's own.")] = None,
    labels: Annotated[Path | None, typer.Option(help="FER+ votes (fer2013new.csv) for FER2013.")] = None,
    classes: Annotated[str | None, typer.Option(help="What numbers stand for, in order: angry,disgust,...")] = None,
    on_error: Annotated[str, typer.Option(help="skip what cannot be read, or stop.")] = "skip",
    faces: Annotated[
        str, typer.Option(help="crop: cut out faces; keep: leave pictures as they are; auto: crop photographs.")
    ] = "auto",
    as_json: Json = False,
) -> None:
    """Import a data set; a second time nothing changes, and what was broken off goes on where it stopped."""
    from fer_core.data.cropping import FACES_HOW
    from fer_core.data.importing import ImportOptions, import_samples
    from fer_core.errors import DataError
    from fer_core.labels import class_set

    if on_error not in ("skip", "stop"):
        raise DataError(f"--on-error is {on_error!r}; it must be skip or stop.")
    cut = next((known for known in FACES_HOW if known == faces), None)
    if cut is None:
        raise DataError(f"--faces is {faces!r}; it must be one of {', '.join(FACES_HOW)}.")
    how: Literal["skip", "stop"] = "skip" if on_error == "skip" else "stop"
    names = class_set([c.strip() for c in classes.split(",")]) if classes else None
    kept = import_samples(path, name, ImportOptions(labels, how, names, cut), progress=progress_line)
    emit({"name": kept.data_set.name, **kept.report.as_json()}, as_json, kept.report.as_text())


@app.command("list")
def list_command(as_json: Json = False) -> None:
    """List the data sets of the workspace."""
    from fer_core.data.store import list_data_sets

    rows = [
        {"name": d.name, "n": d.head.n, "version": d.head.number, "note": d.head.note, "folder": str(d.folder)}
        for d in list_data_sets()
    ]
    lines = [f"{r['name']:<24} {r['n']:>9,} samples, version {r['version']} ({r['note']})" for r in rows]
    emit(rows, as_json, "\n".join(lines) or "No data set yet. Import one, or draw one: `data schematic`.")


@app.command("show")
def show_command(name: SetName, as_json: Json = False) -> None:
    """Show what a data set holds: versions, classes by split, tags."""
    from fer_core.data.query import Catalogue, Filters
    from fer_core.data.store import open_data_set

    data_set = open_data_set(name)
    counts = Catalogue(data_set.table_file(data_set.head.number)).counts(Filters(), "split", "label")
    versions = [v.model_dump(exclude={"report"}) for v in data_set.versions()]
    tags = {tag: len(rows) for tag, rows in data_set.tags().items()}
    value = {"name": name, "version": data_set.head.number, "versions": versions, "counts": counts, "tags": tags}
    lines = [f"{'* ' if v['number'] == data_set.head.number else '  '}{v['number']} {v['note']}" for v in versions]
    lines += [f"  {c['split']:<12} {c['label'] or 'unlabelled':<12} {c['n']:>9,}" for c in counts]
    lines += [f"  tag {tag}: {n:,}" for tag, n in tags.items()]
    emit(value, as_json, "\n".join(lines))


@app.command("audit")
def audit_command(
    name: SetName,
    checkpoint: CheckpointName = DEFAULT_CHECKPOINT,
    checks: Annotated[list[str] | None, typer.Option("--check", help="Only this check; repeatable.")] = None,
    html: Annotated[Path | None, typer.Option(help="Also write the report as a page to this file.")] = None,
    as_json: Json = False,
) -> None:
    """Look for what is wrong with a data set: twins, label errors, persons in two splits, and more."""
    from fer_core.data.auditing import audit_data_set
    from fer_core.data.store import open_data_set

    data_set = open_data_set(name)
    report = audit_data_set(data_set, checkpoint, tuple(checks or ()), progress=progress_line)
    if html is not None:
        report.save_html(html, data_set.samples())
    text = "\n".join(f"{f.severity:<7} {f.check:<28} {f.what}" for f in report.findings)
    emit(report.as_json(), as_json, text)


@app.command("remedy")
def remedy_command(
    name: SetName,
    check: Annotated[str, typer.Argument(help="Check whose finding is to be remedied.")],
    kind: Annotated[str | None, typer.Option(help="exclude, move, relabel or keep; default: the proposed one.")] = None,
    as_json: Json = False,
) -> None:
    """Apply what the last audit proposes, as a new version; `step` goes back."""
    from fer_core.data.auditing import remedy
    from fer_core.data.store import open_data_set

    version = remedy(open_data_set(name), check, kind)
    emit(version.model_dump(), as_json, f"version {version.number}: {version.note}, {version.n:,} samples")


@app.command("step")
def step_command(
    name: SetName, version: Annotated[int, typer.Argument(help="Number of a version.")], as_json: Json = False
) -> None:
    """Show and train on another version; none is lost."""
    from fer_core.data.store import open_data_set

    shown = open_data_set(name).step_to(version)
    emit(shown.model_dump(), as_json, f"version {shown.number}: {shown.note}, {shown.n:,} samples")


@app.command("answer")
def answer_command(name: SetName, checkpoint: CheckpointName = DEFAULT_CHECKPOINT, as_json: Json = False) -> None:
    """Let a checkpoint classify every sample, so that data can be filtered by what it says."""
    from fer_core.data.answers import answer, project
    from fer_core.data.store import open_data_set
    from fer_core.predict import get_predictor

    predictor = get_predictor(checkpoint)
    data_set = open_data_set(name)
    file = answer(data_set, predictor, progress_line("faces"))
    plane = project(data_set, predictor.card.weights_sha256, "pca")
    text = f"{name}: answers and features of {checkpoint} lie in {file.parent}"
    emit({"answers": str(file), "map": str(plane)}, as_json, text)


@app.command("map")
def map_command(
    name: SetName,
    checkpoint: CheckpointName = DEFAULT_CHECKPOINT,
    projection: Annotated[str, typer.Option(help="pca or umap.")] = "umap",
    as_json: Json = False,
) -> None:
    """Lay the samples out on a plane by the features of a checkpoint."""
    from fer_core.checkpoint import open_checkpoint
    from fer_core.data.answers import project
    from fer_core.data.store import open_data_set
    from fer_core.errors import DataError

    if projection not in ("pca", "umap"):
        raise DataError(f"--projection is {projection!r}; it must be pca or umap.")
    how: Literal["pca", "umap"] = "pca" if projection == "pca" else "umap"
    file = project(open_data_set(name), open_checkpoint(checkpoint).card.weights_sha256, how)
    emit({"map": str(file)}, as_json, str(file))


@app.command("split")
def split_command(  # noqa: PLR0913, PLR0917  (a command line has as many options as it has)
    name: SetName,
    train: Annotated[float, typer.Option(help="Share of the training split.")] = 0.8,
    validation: Annotated[float, typer.Option(help="Share of the validation split.")] = 0.1,
    test: Annotated[float, typer.Option(help="Share of the test split.")] = 0.1,
    by: Annotated[str, typer.Option(help="What stays together: subject or sample.")] = "subject",
    keep: Annotated[list[str] | None, typer.Option(help="Split that stays as it is; repeatable.")] = None,
    seed: int = 0,
    as_json: Json = False,
) -> None:
    """Split anew, stratified by class, persons and twins kept together, as a new version."""
    from fer_core.data.combine import split_samples
    from fer_core.data.store import open_data_set
    from fer_core.errors import DataError

    if by not in ("subject", "sample"):
        raise DataError(f"--by is {by!r}; it must be subject or sample.")
    together: Literal["subject", "sample"] = "subject" if by == "subject" else "sample"
    data_set = open_data_set(name)
    shares = {s: n for s, n in (("train", train), ("validation", validation), ("test", test)) if n}
    split = split_samples(data_set.samples(), shares, seed, together, tuple(keep or ()))
    figures = {
        "by": split.by, "groups": split.groups, "subjects": split.subjects,
        "subject_dependent": split.subject_dependent, "left_out": split.left_out,
    }  # fmt: skip
    stamp = ", subject-dependent" if split.subject_dependent else ""
    version = data_set.add_version(split.samples, f"split by {split.by}, seed {seed}{stamp}", figures)
    text = f"version {version.number}: {version.note}, {split.samples.splits()}"
    emit({**figures, "version": version.number, "splits": split.samples.splits()}, as_json, text)


@app.command("merge")
def merge_command(
    names: Annotated[list[str], typer.Argument(help="Data sets to put together.")],
    name: NewName,
    mapping: Annotated[
        list[str] | None, typer.Option("--map", help="class=class, set/class=class, or class= to leave out.")
    ] = None,
    drop: Annotated[bool, typer.Option(help="Leave out classes that the result lacks.")] = False,
    as_json: Json = False,
) -> None:
    """Put data sets together under a new name, classes mapped by name."""
    from fer_core.data.combine import merge
    from fer_core.data.store import keep, open_data_set
    from fer_core.errors import DataError

    rules: dict[str, str | None] = {}
    for rule in mapping or []:
        old, equals, new = rule.partition("=")
        if not equals:
            raise DataError(f"--map takes class=class, not {rule!r}; for example --map contempt=disgust.")
        rules[old] = new or None
    merged = merge(
        {n: open_data_set(n).samples() for n in names}, mapping=rules, on_unmapped="drop" if drop else "stop"
    )
    data_set = keep(name, merged.samples, f"merge of {', '.join(names)}")
    value = {"name": name, "n": data_set.head.n, "splits": merged.samples.splits()}
    emit(value, as_json, f"{name}: {data_set.head.n:,} samples, {merged.samples.splits()}")


@app.command("top-up")
def top_up_command(  # noqa: PLR0913, PLR0917  (a command line has as many options as it has)
    name: SetName,
    other: Annotated[str, typer.Argument(help="Data set to take from.")],
    new: NewName,
    classes: Annotated[list[str] | None, typer.Option("--class", help="Class to top up; repeatable.")] = None,
    target: Annotated[int | None, typer.Option(help="Training samples that each shall have; default: all.")] = None,
    seed: int = 0,
    as_json: Json = False,
) -> None:
    """Add training samples of rare classes from another data set, under a new name; validation and test stay."""
    from fer_core.data.combine import top_up
    from fer_core.data.store import keep, open_data_set

    done = top_up(
        open_data_set(name).samples(),
        open_data_set(other).samples(),
        classes or ("disgust", "fear"),
        target,
        seed,
        other,
    )
    keep(new, done.samples, f"{name}, topped up from {other}")
    value = {"name": new, "before": done.before, "added": done.added, "supply": done.supply, "twins": done.twins}
    text = ", ".join(
        f"{label}: {done.before[label]:,} + {n:,} of {done.supply[label]:,}" for label, n in done.added.items()
    )
    emit(value, as_json, f"{new}: {text}")


@app.command("copies")
def copies_command(
    name: SetName,
    new: NewName,
    per_class: Annotated[int, typer.Option(help="Training samples that each class shall have at least.")],
    seed: int = 0,
    as_json: Json = False,
) -> None:
    """Add augmented copies of training pictures until every class has enough, under a new name."""
    from fer_core.data.combine import augmented_copies
    from fer_core.data.store import keep, open_data_set

    before = open_data_set(name).samples()
    after = augmented_copies(before, per_class, seed)
    keep(new, after, f"{name} with copies, at least {per_class} of each class")
    value = {"name": new, "before": len(before), "copies": len(after) - len(before)}
    emit(value, as_json, f"{new}: {len(before):,} samples and {len(after) - len(before):,} copies")


@app.command("schematic")
def schematic_command(
    name: NewName = "schematic",
    subjects: Annotated[int, typer.Option(help="Number of drawn persons.")] = 60,
    seed: int = 0,
    flaws: Annotated[bool, typer.Option(help="Plant duplicates, wrong labels and more, to try the audit on.")] = False,
    as_json: Json = False,
) -> None:
    """Draw a data set: seven expressions of persons that do not exist."""
    from fer_core.data.importing import keep_schematic

    data_set = keep_schematic(name, subjects, seed, flaws, progress_line)
    value: dict[str, Any] = {"name": name, "n": data_set.head.n, "note": data_set.head.note}
    emit(value, as_json, f"{name}: {data_set.head.n:,} samples, {data_set.head.note}")


@app.command("download")
def download_command(
    source: Annotated[str | None, typer.Argument(help="Name of a public data set, or a Hugging Face id.")] = None,
    into: Annotated[Path | None, typer.Option(help="Folder; default: in the workspace.")] = None,
    as_json: Json = False,
) -> None:
    """Fetch a public data set where the network allows; without a name, list what there is and how to get it."""
    from fer_core.data.download import SOURCES, fetch, fetch_hugging_face
    from fer_core.workspace import workspace

    if source is None:
        rows = [{"name": s.name, "title": s.title, "by_hand": s.by_hand(), "terms": s.terms} for s in SOURCES.values()]
        emit(rows, as_json, "\n".join(f"{r['name']:<14} {r['title']}. {r['by_hand']}" for r in rows))
        return
    folder = into or workspace() / "downloads" / source.replace("/", "--")
    progress = progress_line("bytes")
    found = fetch_hugging_face(source, folder, progress) if "/" in source else fetch(source, folder, progress)
    emit({"path": str(found)}, as_json, f"{found}; import it with `python -m fer_core data import {found}`")
