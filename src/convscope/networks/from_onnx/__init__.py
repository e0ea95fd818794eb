"""Networks out of ONNX files: each node becomes a torch layer, nothing in a file is run."""

from convscope.networks.from_onnx.network import OnnxNetwork
from convscope.networks.from_onnx.reading import read_onnx

__all__ = ["OnnxNetwork", "read_onnx"]
