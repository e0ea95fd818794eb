"""The classic convolutional networks by name, their initialisation and their weights."""

from convscope.networks.building import build, smallest_input
from convscope.networks.entry import NetworkEntry, Preparation, PublishedWeights
from convscope.networks.fully_convolutional import to_fully_convolutional
from convscope.networks.heads import heads
from convscope.networks.initialization import SCHEMES, initialize
from convscope.networks.loading import LoadReport, load_weights
from convscope.networks.published import cache_folder, published_weights
from convscope.networks.table import NETWORKS, entry, names
from convscope.networks.weights import read_weights

__all__ = [
    "NETWORKS",
    "SCHEMES",
    "LoadReport",
    "NetworkEntry",
    "Preparation",
    "PublishedWeights",
    "build",
    "cache_folder",
    "entry",
    "heads",
    "initialize",
    "load_weights",
    "names",
    "published_weights",
    "read_weights",
    "smallest_input",
    "to_fully_convolutional",
]
