"""A checkpoint as one ONNX file: pixels in, logits and probabilities out.

The file holds what the card says of preprocessing (colour, mean, deviation), the mirror image and the temperature, so
that another program needs nothing but a runtime and a face of the right size. INT8 files are quantised statically,
weights per channel, activations by their range over calibration faces (Jacob et al. 2018, arXiv 1712.05877).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from fer_core.card import Card
from fer_core.checkpoint import Checkpoint
from fer_core.errors import DataError, ModelError, UnavailableError
from fer_core.export.session import INPUT, LOGITS, PROBABILITIES, OnnxNetwork
from fer_core.predict import Predictor, folded
from fer_core.softmax import temper

if TYPE_CHECKING:
    from onnx import ModelProto

Picture = NDArray[np.uint8]

OPSET = 18
CALIBRATION_FACES = 1000
TOLERANCE = 1e-4
_BATCH = 50


class _Deployed(nn.Module):
    """From pixels (N, S, S) or (N, S, S, 3), uint8, to logits (V, N, K) and probabilities (N, K)."""

    def __init__(self, network: nn.Module, card: Card) -> None:
        super().__init__()
        self.network, self.card = network, card
        how = card.preprocess
        self.scale = 255 * torch.tensor(how.std).view(1, -1, 1, 1)
        self.offset = 255 * torch.tensor(how.mean).view(1, -1, 1, 1)

    def forward(self, faces: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        pixels = faces[:, None] if self.card.preprocess.channels == 1 else faces.permute(0, 3, 1, 2)
        inputs = (pixels.float() - self.offset) / self.scale
        views = 2 if self.card.flip else 1
        if views == 2:
            inputs = torch.cat([inputs, inputs.flip(3)])
        logits = self.network(inputs).unflatten(0, (views, -1))
        return logits, torch.softmax(logits / self.card.temperature, -1).mean(0)


def export_onnx(checkpoint: Checkpoint, file: Path, calibration: Sequence[Picture] | None = None) -> Path:
    """Writes a checkpoint as one ONNX file.

    Its input `faces` is uint8 (N, S, S) grey or (N, S, S, 3) RGB, S the card's `size_px`; its outputs are `logits`
    (V, N, K), where V is 2 if the card asks for the mirror image and else 1, and `probabilities` (N, K) at the card's
    temperature. Name, classes and the hash of the weights stand in the file's metadata.

    Args:
        checkpoint: what is exported.
        file: is written, whole or not at all.
        calibration: faces (training faces, some of every class) that set the range of each activation; given, the file
            computes in 8-bit integers.

    Raises:
        CheckpointError: as `Checkpoint.load`.
        UnavailableError: a package that exporting needs is not installed.
        DataError: no calibration faces.
        ModelError: the network cannot be written as an ONNX graph.
    """
    if calibration is not None and not len(calibration):
        raise DataError("Without faces there are no ranges to quantise to; give some of every class.")
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=".export-") as folder:
        scratch = Path(folder) / "model.onnx"
        _write(checkpoint, scratch)
        if calibration is not None:
            scratch = _quantised(scratch, checkpoint.card.preprocess.pixels(calibration))
        scratch.replace(file)
    return file


def _write(checkpoint: Checkpoint, file: Path) -> None:
    card = checkpoint.card
    try:
        import onnx
        import onnxscript  # noqa: F401  (the exporter's own need, asked for here to give a sentence)
        from torch.onnx import OnnxExporterError
    except ImportError as error:
        raise UnavailableError(f"Exporting needs {error.name}; `pip install onnx onnxscript`.") from error
    network = _Deployed(folded(checkpoint.load()), card).eval()
    how = card.preprocess
    # Two faces: a batch of one would be taken for a constant.
    shape = (2, how.size_px, how.size_px) if how.channels == 1 else (2, how.size_px, how.size_px, 3)
    try:
        with torch.inference_mode():
            program = torch.onnx.export(
                network,
                (torch.zeros(shape, dtype=torch.uint8),),
                dynamo=True,
                input_names=[INPUT],
                output_names=[LOGITS, PROBABILITIES],
                dynamic_shapes=({0: torch.export.Dim("n")},),
                opset_version=OPSET,
                verbose=False,
            )
    except OnnxExporterError as error:
        raise ModelError(
            f"{card.architecture} cannot be written as an ONNX graph: {str(error).splitlines()[0]} PyTorch runs it."
        ) from error
    model: ModelProto = program.model_proto  # type: ignore[union-attr]
    onnx.helper.set_model_props(
        model, {"name": card.name, "classes": ",".join(card.classes), "weights_sha256": card.weights_sha256}
    )
    onnx.save(model, file)


def _quantised(file: Path, pixels: NDArray[np.uint8]) -> Path:
    """The graph between pixels and logits in 8-bit integers; the softmax stays in float32."""
    try:
        from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
        from onnxruntime.quantization.preprocess import quant_pre_process
    except ImportError as error:
        raise UnavailableError(f"Quantising needs {error.name}; `pip install onnxruntime`.") from error

    class Faces(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.batches: Iterator[NDArray[np.uint8]] = iter(
                [pixels[at : at + _BATCH] for at in range(0, len(pixels), _BATCH)]
            )

        def get_next(self) -> dict[str, Any] | None:
            batch = next(self.batches, None)
            return None if batch is None else {INPUT: batch}

    prepared, written = file.with_name("prepared.onnx"), file.with_name("int8.onnx")
    quant_pre_process(str(file), str(prepared), skip_symbolic_shape=True)
    quantize_static(
        str(prepared),
        str(written),
        Faces(),
        quant_format=QuantFormat.QDQ,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        per_channel=True,
        op_types_to_quantize=["Conv", "Gemm", "MatMul", "MaxPool", "Add"],
    )
    return written


def largest_difference(checkpoint: Checkpoint, file: Path, faces: Sequence[Picture]) -> float:
    """The largest difference of any probability between PyTorch in float32 and an exported file; 0 for no faces.

    Both are compared: the probabilities of the file's logits, which this project uses, and those that the graph gives,
    which other programs do.
    """
    card, expected = checkpoint.card, Predictor(checkpoint).probabilities(faces)
    logits, given = OnnxNetwork(file).answers(card.preprocess.pixels(faces))
    found = np.stack([temper(logits, card.temperature), given])
    return float(np.abs(found - expected).max(initial=0.0))
