"""What each network costs at the input and the classes it was designed for.

Measured by `convscope.arithmetic.layer_table`; `tests/networks/test_costs.py` measures again. They
stand here so that listing the networks doesn't build all of them.
"""

from __future__ import annotations

from typing import NamedTuple


class Cost(NamedTuple):
    """What a network costs.

    Attributes:
        parameters: All of them, auxiliary heads included.
        macs: Multiply-accumulates of convolutions and matrix products, one image, evaluation.
    """

    parameters: int
    macs: int


COSTS = {
    "mlp": Cost(266_610, 266_200),
    "mlp_relu": Cost(266_610, 266_200),
    "mlp_bn": Cost(267_010, 266_200),
    "lenet5": Cost(61_706, 416_520),
    "lenet5_max": Cost(61_706, 416_520),
    "lenet5_relu": Cost(61_706, 416_520),
    "lenet_rgb": Cost(121_182, 2_327_720),
    "lenet_caffe": Cost(431_080, 2_293_000),
    "lenet5_1998": Cost(60_000, 415_680),
    "resnet20": Cost(269_722, 40_551_040),
    "resnet32": Cost(464_154, 68_862_592),
    "resnet44": Cost(658_586, 97_174_144),
    "resnet56": Cost(853_018, 125_485_696),
    "resnet110": Cost(1_727_962, 252_887_680),
    "alexnet": Cost(61_100_840, 714_188_480),
    "alexnet_96": Cost(62_378_344, 1_135_256_096),
    "alexnet_2012": Cost(60_965_224, 724_406_816),
    "vgg11": Cost(132_863_336, 7_609_090_048),
    "vgg13": Cost(133_047_848, 11_308_466_176),
    "vgg16": Cost(138_357_544, 15_470_264_320),
    "vgg16_c": Cost(133_638_952, 11_770_888_192),
    "vgg19": Cost(143_667_240, 19_632_062_464),
    "vgg11_bn": Cost(132_868_840, 7_609_090_048),
    "vgg13_bn": Cost(133_053_736, 11_308_466_176),
    "vgg16_bn": Cost(138_365_992, 15_470_264_320),
    "vgg19_bn": Cost(143_678_248, 19_632_062_464),
    "googlenet": Cost(13_004_888, 1_498_376_192),
    "googlenet_2014": Cost(13_378_280, 1_582_671_872),
    "googlenet_notes": Cost(13_328_600, 1_572_937_728),
    "resnet18": Cost(11_689_512, 1_814_073_344),
    "resnet34": Cost(21_797_672, 3_663_761_408),
    "resnet50": Cost(25_557_032, 4_089_184_256),
    "resnet101": Cost(44_549_160, 7_801_405_440),
    "resnet152": Cost(60_192_808, 11_513_626_624),
    "wide_resnet50_2": Cost(68_883_240, 11_398_021_120),
    "resnext50_32x4d": Cost(25_028_904, 4_230_479_872),
    "squeezenet1_0": Cost(1_248_424, 818_924_576),
    "squeezenet1_1": Cost(1_235_496, 349_151_936),
}
