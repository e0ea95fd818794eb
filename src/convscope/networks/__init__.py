"""The classic convolutional networks by name, their initialisation and their weights."""

from convscope.networks.batch_norm_folding import with_folded_batch_norm as with_folded_batch_norm
from convscope.networks.build import build as build
from convscope.networks.build import collapsed_layers as collapsed_layers
from convscope.networks.build import smallest_input as smallest_input
from convscope.networks.freezing_split import FrozenSplit as FrozenSplit
from convscope.networks.freezing_split import split_frozen as split_frozen
from convscope.networks.fully_convolutional import to_fully_convolutional as to_fully_convolutional
from convscope.networks.initialization import SCHEMES as SCHEMES
from convscope.networks.initialization import Undrawn as Undrawn
from convscope.networks.initialization import initialize as initialize
from convscope.networks.structure import NORMALISATIONS as NORMALISATIONS
from convscope.networks.structure import Block as Block
from convscope.networks.structure import head_names as head_names
from convscope.networks.structure import layer_blocks as layer_blocks
from convscope.networks.table import NETWORKS as NETWORKS
from convscope.networks.table import network_entry as network_entry
from convscope.networks.table import network_names as network_names
from convscope.networks.weights import check_weights as check_weights
from convscope.networks.weights import load_weights as load_weights
from convscope.networks.weights import publication_of as publication_of
from convscope.networks.weights import published_weights as published_weights
from convscope.networks.weights_file import read_weights as read_weights
