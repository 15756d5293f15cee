"""What memory a run's steps take, as the run itself has noted it, and which batch size is expected to fit."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

from fer_core.whole import whole

NOTE = "memory.json"


@dataclass(frozen=True)
class Need:
    """Resident memory of a run on the processor.

    Attributes:
        batch_size: of its recipe.
        processes: that share each batch.
        fixed_mb: what they take together whatever the batch size: program, faces, weights, gradients, the optimiser's
            memory.
        face_mb: what each face of a batch adds, at least.
    """

    batch_size: int
    processes: int
    fixed_mb: float
    face_mb: float

    def fitting(self, room_mb: float, seen_mb: float = 0.0) -> int:
        """The largest batch size that is expected to fit, shared evenly among the processes; 0 where no face fits.

        Args:
            room_mb: what the processes may take together.
            seen_mb: what they were seen to take with `batch_size`, which may be more than was estimated, and less than
                they would have come to.
        """
        face_mb = max(self.face_mb, (seen_mb - self.fixed_mb) / self.batch_size)
        size = max(0, math.floor((room_mb - self.fixed_mb) / face_mb))
        return size - size % self.processes

    def save(self, folder: Path) -> None:
        """Writes it into the run's folder."""
        with whole(folder / NOTE) as scratch:
            scratch.write_text(json.dumps(asdict(self)), encoding="utf-8")


def need_of(folder: Path) -> Need | None:
    """What the run of a folder has noted; None where it has not come so far, or trains on a graphics card."""
    try:
        return Need(**json.loads((folder / NOTE).read_bytes()))
    except (FileNotFoundError, ValueError, TypeError):
        return None
