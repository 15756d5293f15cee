"""From pictures to class probabilities, for one checkpoint."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.fx.experimental.optimization import fuse
from torch.fx.proxy import TraceError

from fer_core.card import ONNX_FILES, Card, Precision, sha256_of
from fer_core.checkpoint import Checkpoint, open_checkpoint
from fer_core.errors import CheckpointError
from fer_core.export.session import OnnxNetwork
from fer_core.labels import ClassSet
from fer_core.softmax import temper

if TYPE_CHECKING:
    from fer_core.faces import Detector, Face

Picture = NDArray[np.uint8]


class Predictor:
    """A checkpoint that answers. A call changes nothing, so that threads may share one.

    Args:
        checkpoint: weights and card.
        precision: `float32` gives the card's figures on any machine; `bfloat16` is faster on processors that compute
            with it and moves a probability by about 0.01. `int8` needs the ONNX file that `fer_core.export` writes;
            what it loses stands in the card.
        exported: ask the exported file of that precision, by ONNX Runtime on a processor, not PyTorch. 8 bits always
            are. Which is faster is a question to the machine: see `fer_core.backends.choose`.

    Raises:
        CheckpointError: as `Checkpoint.load`; or an exported file is asked for that is not there, or not the card's.
        UnavailableError: an exported file is asked for, and ONNX Runtime is not installed.
    """

    def __init__(self, checkpoint: Checkpoint, precision: Precision = "float32", *, exported: bool = False) -> None:
        self.card = checkpoint.card
        self.precision = precision
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
        self._checkpoint = checkpoint
        self._exported = self._open_exported() if exported or precision == "int8" else None
        if self._exported is None:
            _ = self.network  # an error in the weights is told now

    def _open_exported(self) -> OnnxNetwork:
        card, precision = self.card, self.precision
        if precision == "bfloat16":
            raise CheckpointError("Files are exported in float32 and int8, not in bfloat16, which PyTorch computes.")
        known, file = card.exports.get(precision), self._checkpoint.folder / ONNX_FILES[precision]
        if known is None or not file.is_file():
            how = " --int8 --data ..." if precision == "int8" else ""
            raise CheckpointError(
                f"{card.name} has no {precision} file; write it with `python -m fer_core export {card.name}{how}`, or "
                "ask PyTorch for float32."
            )
        if sha256_of(file) != known.sha256:
            raise CheckpointError(
                f"{file} is not the file that its card describes (its sha256 differs); export {card.name} again."
            )
        return OnnxNetwork(file, torch.get_num_threads())

    @functools.cached_property
    def network(self) -> nn.Module:
        """The network in PyTorch, folded, without gradients; loaded when it is first asked for."""
        network = folded(self._checkpoint.load()).to(self.device, self.dtype)
        return network.to(memory_format=torch.channels_last).requires_grad_(False)

    @property
    def backend(self) -> str:
        """What computes the answers: `ONNX Runtime` or `PyTorch`."""
        return "ONNX Runtime" if self._exported else "PyTorch"

    @property
    def model_hash(self) -> str:
        """Hash of the file that answers: the weights, or the file that was exported from them."""
        if self._exported and self.precision != "bfloat16":
            return self.card.exports[self.precision].sha256
        return self.card.weights_sha256

    @property
    def classes(self) -> ClassSet:
        """The classes in the order of the columns that come out."""
        return self.card.class_set

    def logits(
        self, faces: Sequence[Picture], batch_size: int = 256, progress: Callable[[int, int], None] | None = None
    ) -> NDArray[np.float32]:
        """Logits of face crops.

        Args:
            faces: crops of any size, (H, W) grey or (H, W, 3) RGB, uint8. May be empty.
            batch_size: faces that go through the network at once.
            progress: called with (faces done, faces in all) after each batch.

        Returns:
            (V, N, K): V is 2 where the card asks for face and mirror image, otherwise 1.

        Raises:
            ImageError: a crop of another type or shape.
        """
        views = 2 if self.card.flip else 1
        out = np.empty((views, len(faces), len(self.classes)), dtype=np.float32)
        for start in range(0, len(faces), batch_size):
            batch = faces[start : start + batch_size]
            if self._exported:
                answer = self._exported(self.card.preprocess.pixels(batch))
            else:
                answer = self._in_torch(batch).reshape(views, len(batch), -1)
            out[:, start : start + len(batch)] = answer
            if progress:
                progress(start + len(batch), len(faces))
        return out

    def _in_torch(self, faces: Sequence[Picture]) -> NDArray[np.float32]:
        """(V * n, K) logits, the mirror images after the faces."""
        batch = self.card.preprocess(faces).to(self.device, self.dtype)
        if self.card.flip:
            batch = torch.cat([batch, batch.flip(3)])
        with torch.inference_mode():
            answer = self.network(batch.contiguous(memory_format=torch.channels_last))
        return answer.float().cpu().numpy()  # type: ignore[no-any-return]

    def probabilities(self, faces: Sequence[Picture], batch_size: int = 256) -> NDArray[np.float64]:
        """(N, K) probabilities of face crops, rows sum to 1; arguments and errors as `logits`."""
        return temper(self.logits(faces, batch_size), self.card.temperature)


def folded(network: nn.Module) -> nn.Module:
    """The network with batch normalisation folded into its convolutions where its graph can be traced."""
    try:
        return fuse(network)
    except (TraceError, TypeError):  # control flow that depends on the data; such a network runs as it is
        return network


_lock = threading.Lock()


def get_predictor(name: str | Path, precision: Precision = "float32", *, exported: bool = False) -> Predictor:
    """The predictor of a checkpoint, loaded once per process and again when its weights or its card change on disk.

    Raises:
        CheckpointError: as `open_checkpoint` and `Predictor`.
        UnavailableError: as `Predictor`.
    """
    checkpoint = open_checkpoint(name)
    with _lock:
        return _cached(checkpoint.folder, checkpoint.card.model_dump_json(), precision, exported or precision == "int8")


@functools.lru_cache(maxsize=8)
def _cached(folder: Path, card: str, precision: Precision, exported: bool) -> Predictor:
    return Predictor(Checkpoint(folder, Card.model_validate_json(card)), precision, exported=exported)


@dataclass(frozen=True)
class FacePrediction:
    """One face of a photograph.

    Attributes:
        face: where it is.
        crop: what was classified, before resizing; uint8 (S, S, 3) RGB.
        probabilities: (K,), sum to 1, in the order of `classes`.
        classes: the classes.
    """

    face: Face
    crop: Picture
    probabilities: NDArray[np.float64]
    classes: ClassSet

    @property
    def label(self) -> str:
        """The most probable class."""
        return self.classes.names[int(self.probabilities.argmax())]

    def as_json(self) -> dict[str, Any]:
        """Box (x, y, width, height in pixels), detector's score 0..1, label and probabilities by class."""
        return {
            "box": [round(float(v), 1) for v in self.face.box],
            "score": round(self.face.score, 4),
            "label": self.label,
            "probabilities": {
                n: round(float(p), 6) for n, p in zip(self.classes.names, self.probabilities, strict=True)
            },
        }


def predict_image(image: Picture, predictor: Predictor, detector: Detector) -> list[FacePrediction]:
    """Every face of a photograph with its probabilities, largest first; an empty list where there is none.

    Args:
        image: (H, W, 3) RGB, uint8.
        predictor: the model.
        detector: finds the faces.
    """
    from fer_core.faces import crop_face  # OpenCV is not needed to classify crops

    faces = detector.detect(image)
    how = predictor.card.preprocess
    crops = [crop_face(image, f, margin=how.crop_margin, shift_y=how.crop_shift_y, align=how.align) for f in faces]
    answers = predictor.probabilities(crops)
    return [FacePrediction(f, c, p, predictor.classes) for f, c, p in zip(faces, crops, answers, strict=True)]
