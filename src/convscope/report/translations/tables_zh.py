"""Chinese texts of the pages that are tables: layer tables and comparisons."""

from __future__ import annotations

COMPARISON = {
    "kind": "比较",
    "title": "{names} 的比较",
    "text": "都在同样的 {count} 张图像上比较：{images}。",
    "recipes_text": "每个配方由多次训练衡量，这些训练只有随机种子或折不同。",
    "conclusions": {
        "better": "{better} 优于 {worse}。",
        "neither": "这些图像无法区分 {first} 与 {second} 的优劣。",
        "better_recipe": "{better} 的配方优于 {worse} 的配方。",
        "neither_recipe": "这些训练无法区分 {first} 与 {second} 的配方的优劣。",
    },
    "results_heading": "结果",
    "columns": {
        "name": "分类器",
        "accuracy": "准确率",
        "interval": "95 % 置信区间",
        "log_loss": "对数损失",
        "parameters": "参数量",
        "macs": "MACs",
        "speed": "图像/秒",
    },
    "recipe_columns": {
        "recipe": "配方",
        "runs": "训练",
        "accuracy": "平均准确率",
        "interval": "95 % 置信区间",
        "range": "范围",
    },
    "seeds": "{count} 个随机种子",
    "folds": "{count} 折",
    "range": "{low} 到 {high}",
    "not_recipes": "这里比较的是这些分类器，而不是它们的配方：每次训练都有偶然成分。"
    "`--recipes` 用每个配方的多次训练来比较配方。",
    "differences_heading": "差异",
    "differences_text": "第二个的准确率减去第一个的准确率，单位为百分点。区间包含 0 时，"
    "差异可能出于偶然。",
    "p_text": "p：McNemar 检验，按比较的对数校正。",
    "pair_columns": {
        "first": "第一个",
        "second": "第二个",
        "difference": "差异",
        "interval": "95 % 置信区间",
        "p": "p",
        "only_first": "仅第一个正确",
        "only_second": "仅第二个正确",
    },
    "difference_labels": {
        "label": "准确率的差异与 95 % 置信区间",
        "x": "准确率的差异（百分点）",
        "line": "无差异",
        "apart": "区间不包含 0",
        "touching": "区间包含 0",
    },
    "curves_heading": "训练曲线",
    "curves_text": "在各次训练自己的验证集上测得，这些验证集不一定相同。",
    "no_curves": "没有训练记录的分类器没有曲线。",
    "curves": {
        "accuracy": "验证集准确率",
        "loss": "损失",
        "x": "轮次",
        "train": "虚线：训练集",
        "best": "最佳轮次",
    },
    "disagreements_heading": "只有一个分类器正确的图像",
    "disagreements_text": "两者都最有把握的图像在先。",
    "only": "只有 {name} 正确，{other} 错误：{count} 张",
    "shown_of": "显示了 {count} 张中的 {shown} 张。",
    "other_says": "{name}：{predicted}",
    "no_picture": "没有图片",
    "about_heading": "方法",
    "repeat": "重新生成的命令",
    "written_by": "由 Convscope {version} 生成",
}

SUMMARY = {
    "kind": "网络结构表",
    "parameters": "参数量",
    "trainable": "其中可训练 {count}",
    "buffers": "缓冲区中 {count} 个值",
    "backward": "反向传播 {count}",
    "made": "由前向传播算出",
    "saved": "为反向传播保存",
    "input": "输入",
    "mode": {"False": "评估模式", "True": "训练模式"},
    "layers": "各层",
    "variants": "变体",
    "checks": "验证",
    "bars_heading": "各层的参数量和 {unit}",
    "bars_text": "每一层自己的参数量和计算量，以及占整个网络的比例。两者都没有的层省略。",
    "bars_grouped": "深度不超过 {depth} 的各模块的参数量和计算量，以及占整个网络的比例；"
    "逐层画出会太多。",
    "terms": {"trainable": "可训练的参数", "buffers": "缓冲区", "stride": "步幅"},
    "glossary_heading": "术语表",
    "glossary": {
        "layer": "网络的一个步骤。缩进的层属于上面的模块。",
        "kind": "层的类名。",
        "output": "一层输出的形状：特征图为图像数 x 通道数 x 高 x 宽，向量为图像数 x 单元数。",
        "calls": "对一个批次，一层运行多少次。",
        "parameters": "训练所改变的数：权重和偏置。卷积的参数量为"
        "卷积核数 x 输入通道数 x 核高 x 核宽，再加上每个卷积核一个偏置。几层共用的只计一次。",
        "trainable": "没有冻结的参数。",
        "buffers": "属于网络、但不由梯度训练的数，例如批量归一化的滑动均值和方差。",
        "MACs": "乘加运算：一个权重与一个输入相乘，再加到和上。计入整个批次一次前向传播中卷积和矩阵"
        "乘法的乘加运算，不含偏置、激活、池化和归一化。",
        "FLOPs": "整个批次一次前向传播的浮点运算：卷积和矩阵乘法的每次乘加计为两次，"
        "另加所要求的各类运算，每次计为一次。",
        "backward": "训练一步的反向传播中的同类运算：权重的梯度和输入的梯度各一次乘法，"
        "只计需要的。",
        "forward": "一次前向传播产生的所有张量的内存，以百万字节计。它们并不同时存在。",
        "saved": "训练时保存到反向传播的张量的内存，以百万字节计，不含参数。它随批次大小增长。",
        "field": "输出的一个值所依赖的输入区域的高和宽，以像素计。",
        "jump": "相邻两个值的感受野在输入上相距多少像素，即到此为止各层步幅的乘积。"
        "横线表示没有规则的网格。",
        "stride": "从一个输出值到下一个，卷积核或窗口移动多少个位置。步幅为 2 时，"
        "输出的高和宽减半。",
        "start": "第一个值的感受野在输入中从哪里开始；伸入填充时为负。",
        "effective": "梯度的 95 % 所在的高和宽。边缘的像素作用很小，因此它小于感受野。",
        "Conv2d": "卷积：卷积核在特征图上滑动。每个输出值是输入的一个窗口与卷积核逐项相乘之和，"
        "再加偏置。",
        "Linear": "全连接层：每个输出是所有输入的加权和，再加偏置。",
        "BatchNorm2d": "批量归一化：使每个通道的均值为 0、方差为 1，再用两个学到的数缩放和平移。",
        "LocalResponseNorm": "局部响应归一化：用相邻通道的强度去除每个值。",
        "ReLU": "激活函数：负值变为 0。",
        "ReLU6": "激活函数：把值截断在 0 到 6 之间。",
        "Sigmoid": "激活函数：沿 S 形曲线把值变到 0 到 1。",
        "Tanh": "激活函数：沿 S 形曲线把值变到 -1 到 1。",
        "MaxPool2d": "最大池化：每个窗口中最大的值。",
        "AvgPool2d": "平均池化：每个窗口的平均值。",
        "AdaptiveAvgPool2d": "自适应平均池化：不论输入大小，输出的大小固定。",
        "Dropout": "失活：训练时把随机的值置为 0；评估时不起作用。",
        "Flatten": "展平：把所有特征图变成一个向量。",
        "Identity": "恒等：原样传递输入。",
        "Sequential": "依次运行的模块。",
        "BasicBlock": "残差块：两个卷积，其输出与输入相加。",
        "Bottleneck": "瓶颈残差块：1x1、3x3、1x1 卷积，其输出与输入相加。",
    },
}

NETWORKS = {"kind": "网络结构表", "title": "网络对照"}
