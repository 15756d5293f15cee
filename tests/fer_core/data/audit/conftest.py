"""Tables made by hand, and a drawn set with planted flaws."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from fer_core.data import SampleTable
from fer_core.data.pictures import pack_grey, pixel_hash
from fer_core.data.schematic import Flaws, SchematicSet, SchematicSpec, schematic_samples
from fer_core.labels import FER7, ClassSet

Picture = NDArray[np.uint8]


@pytest.fixture(scope="session")
def face() -> Callable[[int], Picture]:
    """Makes smooth 48x48 pictures; another number, another picture."""
    import cv2

    def make(number: int) -> Picture:
        noise = np.random.default_rng(number).normal(0, 1, (48, 48)).astype(np.float32)
        smooth = cv2.GaussianBlur(noise, (0, 0), 3)
        return (128 + 45 * smooth / smooth.std()).clip(0, 255).astype(np.uint8)

    return make


@pytest.fixture(scope="session")
def table() -> Callable[..., SampleTable]:
    """Makes a table of grey pictures; ids are `0`, `1`, ..., columns may be given by name."""

    def make(
        faces: list[Picture], classes: ClassSet = FER7, vote_classes: tuple[str, ...] = (), **columns: Any
    ) -> SampleTable:
        n = len(faces)
        known = {
            "sample_id": [str(i) for i in range(n)],
            "image": [pack_grey(f) for f in faces],
            "label": ["happy"] * n,
            "split": ["train"] * n,
            "width": [f.shape[1] for f in faces],
            "height": [f.shape[0] for f in faces],
            "source": ["hand"] * n,
            "sha256": [pixel_hash(f) for f in faces],
        }
        return SampleTable.from_columns(known | columns, classes, vote_classes)

    return make


@pytest.fixture(scope="session")
def flawed() -> SchematicSet:
    """315 drawn faces, each flaw planted eight times."""
    spec = SchematicSpec(seed=11, subjects=45, per_subject_and_class=1, size_px=64, flaws=Flaws.of_each(8))
    return schematic_samples(spec)
