"""Folders of runs as a run leaves them, written by hand."""

import json
from pathlib import Path
from typing import Any

RECIPE = {
    "name": "tiny",
    "model": {"architecture": "compact", "arguments": {"widths": [8, 16]}},
    "phases": [{"epochs": 1, "trained": "head"}, {"epochs": 2}],
    "classes": ["happy", "sad"],
    "epochs": 3,
}
PARAMS = {
    "name": "tiny",
    "model.architecture": "compact",
    "model.arguments.widths": "[8, 16]",
    "phases.0.epochs": "1",
    "phases.0.trained": "head",
    "phases.1.epochs": "2",
    "classes": '["happy", "sad"]',
    "epochs": "3",
}
ROWS = [
    {"epoch": 1, "step": 7, "val_accuracy": 0.25, "val_balanced_accuracy": 0.2, "val_loss": 1.5, "learning_rate": 0.1},
    {"epoch": 2, "step": 14, "val_accuracy": 0.5, "val_balanced_accuracy": 0.4, "val_loss": 1.0, "learning_rate": 0.05},
    {"epoch": 3, "step": 21, "val_accuracy": 0.75, "val_balanced_accuracy": 0.7, "val_loss": 0.5, "learning_rate": 0.0},
]
POINTS = [
    {"step": 4, "epoch": 0.5, "train_loss": 2.0, "train_accuracy": 0.25, "learning_rate": 0.1},
    {"step": 8, "epoch": 1.0, "train_loss": 1.75, "train_accuracy": 0.5, "learning_rate": 0.05},
]
LOAD = [
    {"at": 1000.5, "system/cpu_utilization_percentage": 40.0},
    {"at": 1010.5, "system/cpu_utilization_percentage": 80.0},
]


def run_folder(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "recipe.json").write_text(json.dumps(RECIPE))
    (folder / "data.json").write_text(json.dumps({"train": "t" * 64, "validation": "v" * 64}))
    return folder


def append(file: Path, *rows: dict[str, Any]) -> None:
    with file.open("a") as stream:
        stream.writelines(json.dumps(row) + "\n" for row in rows)


def checkpoint_folder(folder: Path) -> Path:
    folder.mkdir(parents=True)
    card = {"weights_sha256": "abc", "metrics": {"validation": {"accuracy": 0.75, "n": 4, "recall": {"happy": 1.0}}}}
    (folder / "card.json").write_text(json.dumps(card))
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder
