"""The classic convolutional networks by name, their initialisation and their weights."""

from convscope.networks.blocks import NORMALISATIONS, Block, blocks
from convscope.networks.building import build, smallest_input
from convscope.networks.entry import NetworkEntry, Preparation, PublishedWeights
from convscope.networks.folding import folded
from convscope.networks.fully_convolutional import to_fully_convolutional
from convscope.networks.heads import heads
from convscope.networks.initialization import SCHEMES, initialize
from convscope.networks.loading import LoadReport, load_weights
from convscope.networks.published import cache_folder, published_weights
from convscope.networks.splitting import FrozenSplit, split_at_learning
from convscope.networks.table import NETWORKS, entry, names
from convscope.networks.weights import read_weights

__all__ = [
    "NETWORKS",
    "NORMALISATIONS",
    "SCHEMES",
    "Block",
    "FrozenSplit",
    "LoadReport",
    "NetworkEntry",
    "Preparation",
    "PublishedWeights",
    "blocks",
    "build",
    "cache_folder",
    "entry",
    "folded",
    "heads",
    "initialize",
    "load_weights",
    "names",
    "published_weights",
    "read_weights",
    "smallest_input",
    "split_at_learning",
    "to_fully_convolutional",
]
