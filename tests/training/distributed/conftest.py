"""A network whose figures do not depend on how many processes share its batches."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.conftest import draw

PLAIN = {
    "name": "plain",
    "model": {"architecture": "fec-cnn", "arguments": {"filters": [8], "hidden": [16], "dropout": 0, "map_px": 6}},
    "augment": {"flip": 0.5, "shift": 0.1},
    "optimiser": {"learning_rate": 0.01},
    "epochs": 3,
    "batch_size": 16,
    "average_decay": 0,
    "precision": "float32",
    "select": "last",
}


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., list[str]]:
    """Arguments that train PLAIN, with changes, on 112 drawn faces, with 63 to validate: an odd number."""
    data = tmp_path / "drawn.parquet"
    draw({"train": 16, "validation": 9}).save(data)

    def make(run: str, *more: str, **changes: object) -> list[str]:
        recipe = tmp_path / f"{run}.yaml"
        recipe.write_text(yaml.safe_dump(PLAIN | changes))
        return ["fit", str(recipe), "--data", str(data), "--run", run, "--no-record", *more]

    return make
