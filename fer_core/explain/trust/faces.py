"""The faces that trust is examined on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fer_core.data.table import SampleTable

Faces = list[NDArray[np.uint8]]


def sampled(samples: SampleTable, n: int, seed: int) -> Faces:
    """At most n faces drawn at random, in the table's order.

    Raises:
        ImageError: a picture cannot be read.
    """
    rows = np.random.default_rng((seed, 14)).choice(len(samples), min(n, len(samples)), replace=False)
    return [samples.decode(int(row)) for row in np.sort(rows)]


def schematic(n: int, seed: int, size_px: int) -> tuple[Faces, NDArray[np.bool_]]:
    """Drawn faces, no class twice before each was drawn once, with (n, S, S) where their evidence lies.

    Neutral faces have no evidence; see `SchematicFace.evidence`.

    Raises:
        DataError: a size that is not drawn.
    """
    from fer_core.data.schematic import SchematicSpec, draw_face
    from fer_core.labels import FER7

    spec = SchematicSpec(seed=seed, subjects=max(3, -(-n // len(FER7))), per_subject_and_class=1, size_px=size_px)
    drawn = [draw_face(spec, index) for index in range(n)]
    evidence = np.stack([face.evidence for face in drawn]) if drawn else np.empty((0, size_px, size_px), bool)
    return [face.image for face in drawn], evidence
