"""An exported network, run by ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_core.errors import CheckpointError, UnavailableError

INPUT, LOGITS, PROBABILITIES = "faces", "logits", "probabilities"


class OnnxNetwork:
    """One exported file. A call changes nothing, so that threads may share one.

    Args:
        file: as `fer_core.export.onnx_file.export_onnx` writes it.
        threads: of one call.

    Raises:
        UnavailableError: ONNX Runtime is not installed.
        CheckpointError: no such file, or not one that ONNX Runtime can run.
    """

    def __init__(self, file: Path, threads: int = 1) -> None:
        try:
            import onnxruntime
            from onnxruntime.capi import onnxruntime_pybind11_state as runtime
        except ImportError as error:
            raise UnavailableError(
                f"{file.name} runs on ONNX Runtime, which is not installed; `pip install onnxruntime`, or ask for "
                "float32, which PyTorch runs."
            ) from error
        if not file.is_file():
            raise CheckpointError(f"There is no file {file}; write it with `python -m fer_core export`.")
        how = onnxruntime.SessionOptions()
        how.intra_op_num_threads = threads
        how.inter_op_num_threads = 1
        # A thread that spins between two faces takes the time of everything else in the process.
        how.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(str(file), how, providers=["CPUExecutionProvider"])
        except (runtime.InvalidProtobuf, runtime.InvalidGraph, runtime.Fail, runtime.NotImplemented) as error:
            raise CheckpointError(
                f"{file} is not a file that ONNX Runtime can run ({error}). Export it again."
            ) from error

    def __call__(self, faces: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits (V, N, K) of faces (N, S, S) grey or (N, S, S, 3) RGB, uint8, of the network's own size S."""
        return np.asarray(self._session.run([LOGITS], {INPUT: faces})[0])

    def answers(self, faces: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Those logits, and the probabilities (N, K) that the graph itself makes of them."""
        logits, probabilities = self._session.run([LOGITS, PROBABILITIES], {INPUT: faces})
        return np.asarray(logits), np.asarray(probabilities)
