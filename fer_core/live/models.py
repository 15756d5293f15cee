"""The predictor that a live picture uses."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from fer_core.card import ONNX_FILES
from fer_core.checkpoint import open_checkpoint
from fer_core.predict import Predictor, get_predictor


def live_predictor(name: str | Path) -> Predictor:
    """The fastest predictor of a checkpoint: 8 bits where its card describes such a file, else as its card says.

    Raises:
        CheckpointError: as `get_predictor`; also where the 8-bit file is not the one that the card describes.
    """
    checkpoint = open_checkpoint(name)
    file = checkpoint.folder / ONNX_FILES["int8"]
    exported = "int8" in checkpoint.card.exports and file.is_file() and find_spec("onnxruntime") is not None
    return get_predictor(name, "int8" if exported else "float32")
