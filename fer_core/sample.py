"""The photograph that comes with the product: the astronaut Eileen Collins, by NASA, in the public domain."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SAMPLE_NAME = "astronaut (NASA, public domain)"


def sample_photograph() -> NDArray[np.uint8]:
    """(512, 512, 3) RGB, uint8: one smiling face, from the wheel of scikit-image."""
    from skimage import data  # only who asks for the sample pays for scikit-image

    return np.asarray(data.astronaut(), np.uint8)
