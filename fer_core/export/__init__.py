"""Checkpoints as single ONNX files, and ONNX Runtime as a way to run them."""
