"""From a face crop to a network's input: the one definition used by training, evaluation, camera and export.

It is stored in the checkpoint's card, so that a network is never fed by another definition than it was trained with.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, Self

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from fer_core.errors import ImageError

if TYPE_CHECKING:
    import torch

Picture = NDArray[np.uint8]


def resized(face: Picture, side: int) -> Picture:
    """A face as a square of `side` pixels; one that is not square is squeezed.

    A side that shrinks is averaged over areas, one that grows is bilinear; a face of the right size stays as it is.
    """
    height, width = face.shape[:2]
    if (height, width) == (side, side):
        return np.ascontiguousarray(face)
    # One after the other: asked to shrink one side and enlarge the other, OpenCV averages along neither.
    face = cv2.resize(face, (min(width, side), min(height, side)), interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    return cv2.resize(face, (side, side), interpolation=cv2.INTER_LINEAR)  # type: ignore[return-value]


class Preprocess(BaseModel):
    """How a face becomes a tensor. Frozen; compared by value; JSON in the card.

    Attributes:
        size_px: side of the square input, pixels.
        channels: 1 (grey, ITU-R BT.601 weights) or 3 (RGB).
        mean: per channel, in units of the full range (0..1).
        std: per channel, in units of the full range, above zero.
        crop_margin: what is added to each side of a detected box, as a fraction of the box's longer side.
        crop_shift_y: how far the crop's centre lies below the box's centre, as a fraction of the crop's side.
        align: whether a detected face is rotated until its eyes are level, where the detector gives landmarks.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    size_px: int = Field(48, ge=8, le=1024)
    channels: Literal[1, 3] = 1
    mean: tuple[float, ...] = (0.5,)
    std: tuple[float, ...] = (0.25,)
    crop_margin: float = Field(0.0, ge=-0.4, le=1.0)
    crop_shift_y: float = Field(0.0, ge=-0.5, le=0.5)
    align: bool = True

    @model_validator(mode="after")
    def _one_value_per_channel(self) -> Self:
        if len(self.mean) != self.channels or len(self.std) != self.channels:
            raise ValueError(
                f"mean has {len(self.mean)} and std {len(self.std)} value(s), but there are {self.channels} channel(s)"
            )
        if min(self.std) <= 0:
            raise ValueError(f"std must be above zero, not {min(self.std)}")
        return self

    def resize(self, face: Picture) -> Picture:
        """One face as pixels of the network's size and channels; see `resized`.

        Args:
            face: (H, W) grey or (H, W, 3) RGB, uint8.

        Returns:
            (size_px, size_px) where `channels` is 1, else (size_px, size_px, 3); uint8.

        Raises:
            ImageError: another shape or type, or a side of zero pixels.
        """
        if face.dtype != np.uint8 or face.ndim not in (2, 3) or (face.ndim == 3 and face.shape[2] != 3):
            raise ImageError(
                f"A face must be 8-bit grey (H, W) or RGB (H, W, 3), not {face.dtype} of the shape {face.shape}."
            )
        if 0 in face.shape:
            raise ImageError(f"A face of {face.shape[1]} x {face.shape[0]} pixels holds no picture.")
        if self.channels == 1 and face.ndim == 3:
            face = cv2.cvtColor(face, cv2.COLOR_RGB2GRAY)  # type: ignore[assignment]
        elif self.channels == 3 and face.ndim == 2:
            face = cv2.cvtColor(face, cv2.COLOR_GRAY2RGB)  # type: ignore[assignment]
        return resized(face, self.size_px)

    def pixels(self, faces: Sequence[Picture]) -> Picture:
        """Faces of any size as pixels of the network's: uint8 (N, S, S) grey or (N, S, S, 3) RGB; N may be 0."""
        if not len(faces):
            side = self.size_px
            return np.empty((0, side, side) if self.channels == 1 else (0, side, side, 3), dtype=np.uint8)
        return np.stack([self.resize(f) for f in faces])

    def stack(self, faces: Sequence[Picture]) -> torch.Tensor:
        """Faces of any size as one uint8 tensor (N, channels, size_px, size_px); N may be 0."""
        import torch  # cards are read without it

        pixels = torch.from_numpy(self.pixels(faces))
        return pixels[:, None] if self.channels == 1 else pixels.permute(0, 3, 1, 2).contiguous()

    def normalise(self, pixels: torch.Tensor) -> torch.Tensor:
        """Pixels (N, channels, H, W), uint8 or float in 0..255, as float32 with the stored mean and deviation."""
        import torch

        scale = torch.tensor([255.0 * s for s in self.std], device=pixels.device).view(1, -1, 1, 1)
        offset = torch.tensor([255.0 * m for m in self.mean], device=pixels.device).view(1, -1, 1, 1)
        return (pixels.float() - offset) / scale

    def __call__(self, faces: Sequence[Picture]) -> torch.Tensor:
        """Faces of any size as the network's input: float32 (N, channels, size_px, size_px); N may be 0."""
        return self.normalise(self.stack(faces))
