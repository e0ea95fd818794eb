"""Chinese translations of how networks depart from their papers; most are parts of sentences."""

from __future__ import annotations

NETWORKS = {
    "It has no activation: all of its layers together are one linear layer": "没有激活函数：所有层"
    "合起来只是一个线性层",
    "ReLU in place of tanh": "以 ReLU 代替 tanh",
    "ReLU and batch normalisation": "ReLU 与批量归一化",
    "As textbooks teach it: all maps connected, pooling without parameters, a dense output": "教科"
    "书的形式：所有特征图相连，池化没有参数，全连接输出",
    "Max pooling": "最大池化",
    "ReLU and max pooling": "ReLU 与最大池化",
    "16 and 32 kernels, ReLU and max pooling": "16 和 32 个卷积核，ReLU 与最大池化",
    "20 and 50 kernels, no activation after them, one hidden dense layer, ReLU, max pooling": "20 "
    "和 50 个卷积核，其后没有激活函数，一个全连接隐藏层，ReLU，最大池化",
    "The classes' codes are random signs, which the paper allows, not drawings": "类别编码是随机符"
    "号（论文允许），不是图形",
    "A pooling to 6x6 before the dense layers lets other image sizes in": "全连接层之前池化为 6x6，"
    "可输入其他大小的图像",
    "One tower, no local response normalisation": "单路，没有局部响应归一化",
    "Both groups are computed on one device": "两组在同一设备上计算",
    "A pooling to 7x7 before the dense layers lets other image sizes in": "全连接层之前池化为 7x7，"
    "可输入其他大小的图像",
    "Batch normalisation, which is younger than the paper": "批量归一化，晚于该论文",
    "The form of the public weights: batch normalisation, 3x3 kernels where the paper has 5x5, a "
    "2x2 fourth pooling": "公开权重的形式：批量归一化，论文用 5x5 处用 3x3 卷积核，第四个池化为 "
    "2x2",
    "A form in circulation: block 4d reduces to 128 channels before its 3x3, the paper to 144; no "
    "normalisation": "流传的一种形式：4d 块在 3x3 之前减到 128 个通道，论文为 144；没有归一化",
    "The Lite form: no squeeze-and-excitation, ReLU6, stem and head not scaled, for processors of "
    "all kinds": "Lite 形式：没有压缩与激励，ReLU6，首尾不缩放，适用于各种处理器",
    "Batch normalisation with a trained scale": "批量归一化的缩放系数参与训练",
    "Until a training computes them from its images, the first layer's kernels each pass one pixel "
    "on": "训练用自己的图像算出第一层的卷积核，在此之前每个核只传递一个像素",
    "The stride of a bottleneck is on its 3x3 convolution, as in the public weights": "瓶颈块的步幅"
    "在 3x3 卷积上，与公开权重相同",
}
