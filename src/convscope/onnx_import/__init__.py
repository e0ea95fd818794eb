"""Networks from ONNX files: each node becomes a torch layer, and nothing in a file is run."""

from convscope.onnx_import.network import OnnxNetwork
from convscope.onnx_import.reading import read_onnx

__all__ = ["OnnxNetwork", "read_onnx"]
