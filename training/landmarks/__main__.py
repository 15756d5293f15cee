"""`python -m training.landmarks teach | fit | error`: how the shipped landmark network is made, and how exact it is.

    python -m training.landmarks teach --data fer2013.csv --split train --faces 8000 --out taught.npz
    python -m training.landmarks fit --data fer2013.csv --taught taught.npz
    python -m training.landmarks teach --data fer2013.csv --split validation --faces 1500 --careful --out held-out.npz
    python -m training.landmarks error --data fer2013.csv --taught held-out.npz

The teacher is YuNet, whose file is downloaded where it is not on this machine.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from fer_core.cli import app_with_errors, progress_line
from fer_core.data.opening import open_samples
from fer_core.data.table import SampleTable
from fer_core.faces import YuNet
from fer_core.regions.landmark_net import FOLDER, SIDE_PX, WEIGHTS, LandmarkNet
from training.landmarks.fit import Faces, Plan, drawn_faces, fit
from training.landmarks.teacher import FOUR, TWO, Taught, teach

app = app_with_errors("Make the landmark network.")
Data = Annotated[Path, typer.Option("--data", help="Name of an imported data set, or path of face crops.")]
TaughtFile = Annotated[Path, typer.Option("--taught", help="What `teach` wrote of this data.")]
_AT_ONCE = 500
_DRAWN_SUBJECTS, _DRAWN_SEED = 60, 20


@app.command("teach")
def teach_command(
    data: Data,
    split: Annotated[str, typer.Option(help="Of which faces are drawn by chance.")],
    out: Annotated[Path, typer.Option(help="Where points go; pictures are not kept.")],
    faces: Annotated[int, typer.Option(min=1)] = 8000,
    careful: Annotated[bool, typer.Option("--careful", help="Four looks at each face instead of two.")] = False,
) -> None:
    """Let YuNet find five points in enlarged crops."""
    samples = open_samples(data).split(split)
    rows = np.random.default_rng(0).permutation(len(samples))[:faces]
    teachers = [YuNet(threshold=0.3, exact_landmarks=False) for _ in range(2)]
    show, parts = progress_line("faces"), []
    for start in range(0, len(rows), _AT_ONCE):
        crops = [samples.decode(int(row)) for row in rows[start : start + _AT_ONCE]]
        parts.append(teach(crops, teachers, FOUR if careful else TWO))
        show(start + len(crops), len(rows))
    five, score, apart = (np.concatenate([getattr(p, name) for p in parts]) for name in ("five", "score", "apart"))
    ids = np.array(samples.table["sample_id"].to_pylist(), np.str_)[rows]
    np.savez_compressed(out, sample_ids=ids, five=five, score=score, apart=apart)
    sure = int(Taught(five, score, apart).sure().sum())
    typer.echo(f"{sure:,} of {len(rows):,} faces have points that the looks agree about.")


@app.command("fit")
def fit_command(
    data: Data,
    taught: TaughtFile,
    out: Annotated[Path, typer.Option(help="Folder of the weights.")] = FOLDER,
    steps: Annotated[int, typer.Option(min=1)] = Plan.steps,
) -> None:
    """Train the network on the CPU, some six minutes of one idle core; the weights so far are always in the folder."""
    from safetensors.torch import save_file

    known, pixels = read_taught(open_samples(data), taught)
    sure = known.sure()
    out.mkdir(parents=True, exist_ok=True)

    def keep(step: int, network: LandmarkNet, error: float, doubt: float) -> None:
        save_file(
            {name: values.half().contiguous() for name, values in network.state_dict().items()}, out / WEIGHTS.name
        )
        (out / WEIGHTS.name).chmod(0o644)  # safetensors makes files that only their owner may read
        typer.echo(f"{step:>5} error {error:.4f} doubt {doubt:.4f}", err=True)

    drawn = drawn_faces(_DRAWN_SUBJECTS, _DRAWN_SEED)
    network = fit(Faces(pixels[sure], known.five[sure]), drawn, Plan(steps=steps), keep)
    keep(steps, network, math.nan, math.nan)


@app.command("error")
def error_command(
    data: Data,
    taught: TaughtFile,
    out: Annotated[Path | None, typer.Option(help="Also write the figures as JSON.")] = None,
) -> None:
    """Tell how exact the shipped network is, beside one look of YuNet and the mean face."""
    from training.landmarks.error import told

    found = told(*read_taught(open_samples(data), taught))
    text = json.dumps(found, indent=1)
    if out is not None:
        out.write_text(text + "\n", encoding="utf-8")
    typer.echo(text)


def read_taught(samples: SampleTable, file: Path) -> tuple[Taught, NDArray[np.uint8]]:
    """What the teacher said, and the crops (N, 48, 48) grey it said it of."""
    from fer_core.preprocess import Preprocess

    with np.load(file, allow_pickle=False) as stored:
        known = Taught(stored["five"], stored["score"], stored["apart"])
        ids = stored["sample_ids"].tolist()
    at = {name: row for row, name in enumerate(samples.table["sample_id"].to_pylist())}
    return known, Preprocess(size_px=SIDE_PX).pixels([samples.decode(at[name]) for name in ids])


if __name__ == "__main__":
    app()
