"""Images per second of our training loop against a plain one, on the same network, faces and machine, in turns.

The plain loop is what most repositories of the field have: torchvision's transforms on one picture after the other, a
`DataLoader` with two workers, float32, the loss asked for after each step. Network, augmentation, optimiser and batch
are those of a recipe in both. Of each epoch the time from the end of the second step to the end of the last one counts.

Goals: 3 times on two CPU cores, 10 times on a GPU. Run: python -m benchmarks.train_throughput
"""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

import lightning
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from benchmarks.timing import Figure
from fer_core.data import SampleTable
from fer_core.data.schematic import SchematicSpec, schematic_samples
from training.fit import Run, fit
from training.layers import make_optimiser
from training.recipe import Recipe, load_recipe
from training.start import first_network

ROUNDS = 3
WORKERS = 2
# What no plain loop has, and what drawn faces do not have.
CHANGES = ["epochs=1", "target.teachers=[]", "target.vote_weight=0", "labels=given"]
STEPS = {
    "compact": 16,
    "fec-cnn-sweep": 64,
    "ferplus-vggnet-670k": 10,
}  # of an epoch on a CPU; a GPU makes twenty times as many


class Faces(Dataset[tuple[torch.Tensor, int]]):
    """Pictures as they are decoded, and the recipe's augmentation of one at a time."""

    def __init__(self, samples: SampleTable, recipe: Recipe) -> None:
        self.faces = samples.faces()
        self.labels = samples.label_indices().tolist()
        how, changes = recipe.preprocess.resolved(None, None), recipe.augment
        steps: list[Callable[[Any], Any]] = [
            transforms.Grayscale(how.channels),
            transforms.Resize((how.size_px, how.size_px)),
            transforms.RandomHorizontalFlip(changes.flip),
            transforms.RandomAffine(
                changes.rotate_deg, (changes.shift, changes.shift), (1 / (1 + changes.scale), 1 + changes.scale)
            ),
        ]
        if changes.brightness or changes.contrast:
            steps.append(transforms.ColorJitter(changes.brightness, changes.contrast))
        steps += [transforms.ToTensor(), transforms.Normalize(how.mean, how.std)]
        if changes.erase:
            steps.append(transforms.RandomErasing(changes.erase))
        self.transform = transforms.Compose(steps)

    def __len__(self) -> int:
        return len(self.faces)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.transform(Image.fromarray(self.faces[index])), self.labels[index]


def rate(batch: int, ends: list[float]) -> float:
    """Images per second; the first step of an epoch is slower than the others, and the second shows when it is over."""
    return batch * (len(ends) - 2) / (ends[-1] - ends[1])


def plain_rate(faces: Faces, recipe: Recipe) -> float:
    """Images per second of one epoch of the plain loop."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = first_network(recipe)[0].to(device).train()
    optimiser = make_optimiser(model, recipe.optimiser)
    for group in optimiser.param_groups:
        group["fused"] = None  # as PyTorch does it unless asked
    loss_of = nn.CrossEntropyLoss()
    ends = []
    for pixels, labels in DataLoader(faces, recipe.batch_size, shuffle=True, drop_last=True, num_workers=WORKERS):
        optimiser.zero_grad()
        loss = loss_of(model(pixels.to(device)), labels.to(device))
        loss.backward()
        optimiser.step()
        loss.item()
        ends.append(time.perf_counter())
    return rate(recipe.batch_size, ends)


class Watch(lightning.Callback):
    """Notes when steps end."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_train_batch_end(self, *_: Any) -> None:
        """The first and the last one when it has ended in truth, also on a GPU."""
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.ends.append(time.perf_counter())


def our_rate(samples: SampleTable, recipe: Recipe) -> float:
    """Images per second of one epoch of `training.fit`."""
    watch = Watch()
    with tempfile.TemporaryDirectory() as folder:
        fit(Run(recipe, samples, "schematic", Path(folder) / "run", Path(folder) / "checkpoint"), [watch])
    return rate(recipe.batch_size, watch.ends)


def one_rate(name: str, file: Path, plain: bool) -> float:
    """Images per second of one epoch of either loop."""
    recipe, samples = load_recipe(name, CHANGES), SampleTable.load(file)
    return plain_rate(Faces(samples.split("train"), recipe), recipe) if plain else our_rate(samples, recipe)


def measure(name: str) -> Figure:
    """Medians of three epochs of each loop, taken in turns."""
    on_gpu = torch.cuda.is_available()
    wanted = STEPS[name] * load_recipe(name).batch_size * (20 if on_gpu else 1)
    people = round(wanted / 7 / 0.7) + 2  # seven faces each; 70 of a hundred people are trained on
    drawn = schematic_samples(SchematicSpec(subjects=people, per_subject_and_class=1, size_px=48)).samples
    plain, ours = [], []
    # Each in a process of its own, as a user runs it: what one leaves of memory would serve the other.
    alone = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), max_tasks_per_child=1)
    with tempfile.TemporaryDirectory() as folder, alone:
        file = Path(folder) / "drawn.parquet"
        drawn.save(file)
        for _ in range(ROUNDS):
            plain.append(alone.submit(one_rate, name, file, plain=True).result())
            ours.append(alone.submit(one_rate, name, file, plain=False).result())
    ratio = median(ours) / median(plain)
    goal = 10 if on_gpu else 3
    where = torch.cuda.get_device_name() if on_gpu else f"{torch.get_num_threads()} threads"
    return Figure(
        f"training `{name}` against a plain PyTorch loop, images per second, {where}",
        f"{ratio:.1f} times ({median(ours):,.0f} against {median(plain):,.0f})",
        f"{goal} times",
        ratio >= goal,
    )


def figures() -> list[Figure]:
    """Two small networks on small faces, and a larger one on larger faces."""
    return [measure(name) for name in STEPS]


if __name__ == "__main__":
    print(*figures(), sep="\n")
