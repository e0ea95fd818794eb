"""Chinese translations of layer tables, worked examples, explanations and inspections."""

from __future__ import annotations

LAYERS = {
    # Layer tables.
    "calls": "调用",
    "MACs": "MACs",
    "FLOPs": "FLOPs",
    "backward {unit}": "反向 {unit}",
    "forward MB": "前向 MB",
    "saved MB": "保存 MB",
    "ImageNet top-1": "ImageNet top-1",
    "field": "感受野",
    "jump": "累积步幅",
    "start": "起点",
    "effective": "有效感受野",
    "(network)": "（网络）",
    "not called": "未调用",
    "no tensor": "无张量",
    "whole input": "整个输入",
    "unknown": "未知",
    "input {shape}, in evaluation mode": "输入 {shape}，评估模式",
    "input {shape}, in training mode": "输入 {shape}，训练模式",
    "input {shape}, in {mode:t} mode, through auxiliary heads": "输入 {shape}，{mode}模式，经过辅助"
    "分类头",
    "evaluation": "评估",
    "parameters {n} ({trainable:n} trainable), buffers {buffers:n}": "参数量 {n}（可训练 "
    "{trainable}），缓冲区 {buffers}",
    "MACs {n} ({what:t})": "MACs {n}（{what}）",
    "FLOPs {n} ({what:t})": "FLOPs {n}（{what}）",
    "MACs: {what:t}": "MACs：{what}",
    "FLOPs: {what:t}": "FLOPs：{what}",
    "multiply-accumulates of convolutions and matrix products": "卷积和矩阵乘法的乘加次数",
    "multiply-accumulates of convolutions and matrix products for one image": "一张图像的卷积和矩阵"
    "乘法的乘加次数",
    "two for each multiply-accumulate of convolutions and matrix products": "卷积和矩阵乘法每次乘加"
    "计两次",
    "two for each multiply-accumulate of convolutions and matrix products, and the operations of: "
    "{kinds:l}": "卷积和矩阵乘法每次乘加计两次，另计：{kinds}",
    "bias": "偏置",
    "normalisation": "归一化",
    "activation": "激活",
    "pooling": "池化",
    "other": "其他",
    "backward pass {n} {unit}": "反向传播 {n} {unit}",
    "memory {made} MB made in the forward pass, {kept} MB kept for the backward pass": "内存：前向"
    "传播产生 {made} MB，为反向传播保存 {kept} MB",
    "{n:n} parameters are in layers that this pass doesn't call": "{n} 个参数在本次传播未调用的层"
    "中",
    "{mark} the network looks at values and may choose by them what it runs: numbers are those of "
    "one path, for an image of zeros": "{mark} 网络可能按数值选择执行的内容：这里是一条路径的数字，"
    "输入全零图像",
    "{mark} memory of recurrent layers differs between devices": "{mark} 循环层的内存因设备而异",
    "{mark} memory of attention is less where the device has a kernel for it": "{mark} 若设备有专门"
    "的核函数，注意力的内存更少",
    "{mark} parts of the network have a backward pass of their own (checkpoints, custom "
    "functions): what it computes and keeps isn't all counted": "{mark} 网络的一部分有自己的反向传"
    "播（检查点、自定义函数）：其计算和保存未全部计入",
    "{mark} gradients are cut off within the network (`detach`): layers before may have no "
    "backward pass, and keep nothing": "{mark} 梯度在网络内被截断（`detach`）：之前的层可能没有反向"
    "传播，也不保存任何内容",
    "≥ not counted: {names}": "≥ 未计入：{names}",
    "as many parameters as {names}": "参数与 {names} 一样多",
    "`{name}` is one of {forms:t} of {architecture} ({how:s})": "`{name}` 是 {architecture} 的 "
    "{forms}之一（{how}）",
    "`{name}` is one of {forms:t} of {architecture}": "`{name}` 是 {architecture} 的 {forms}之一",
    "`{name}` has {parameters:n} parameters, {macs:n} MACs: {how:t}": "`{name}` 有 {parameters} 个"
    "参数、{macs} 次 MACs：{how}",
    "as in the paper": "与论文相同",
    "`{name}`: {remark:t}": "`{name}`：{remark}",
    "ImageNet top-1: published weights of torchvision, one centre crop; not measured "
    "here": "ImageNet top-1：torchvision 发布的权重，一次居中裁剪；不是这里测得的",
    "MACs against torch's flop counter": "MACs 与 torch 的 FLOP 计数器对照",
    "MACs of the backward pass against torch's flop counter": "反向传播的 MACs 与 torch 的 FLOP 计"
    "数器对照",
    "memory kept for the backward pass against what autograd saves": "为反向传播保存的内存与 "
    "autograd 所保存的对照",
    "receptive fields against gradients": "感受野与梯度对照",
    "{what:t}: {checks:t}, none differ": "{what}：{checks}，全部一致",
    "{what:t}: {checks:t}, {n:n} differ": "{what}：{checks}，{n} 项不一致",
    "could not be measured: {what:t} ({why})": "无法测量：{what}（{why}）",
    "`{layer}`: {stated} in the table, {measured} measured": "`{layer}`：表中为 {stated}，测得 "
    "{measured}",
    # Worked examples.
    "convolution of {n:n} kernels {kernel} over {shape}": "卷积：{n} 个 {kernel} 的卷积核作用于 "
    "{shape}",
    "pooling of {kernel} over {shape}": "池化：{kernel} 的窗口作用于 {shape}",
    "dense layer of {n:n} neurons on {shape}": "全连接层：{n} 个神经元作用于 {shape}",
    "output {shape}": "输出 {shape}",
    "formula": "公式",
    "numbers": "数值",
    "result": "结果",
    "height": "高度",
    "width": "宽度",
    "depth": "深度",
    "inputs": "输入数",
    "multiplications": "乘法次数",
    "additions": "加法次数",
    "comparisons or additions": "比较或加法次数",
    "kernels": "卷积核数",
    "kernels * {window}": "卷积核数 * {window}",
    "kernels * {window} + kernels": "卷积核数 * {window} + 卷积核数",
    "H' * W' * kernels * {window}": "H' * W' * 卷积核数 * {window}",
    "2 * multiplications": "2 * 乘法次数",
    "2 * multiplications + outputs for the biases": "2 * 乘法次数 + 偏置的输出数",
    "inputs * outputs": "输入数 * 输出数",
    "inputs * outputs + outputs": "输入数 * 输出数 + 输出数",
    "outputs * (inputs - 1)": "输出数 * (输入数 - 1)",
    "outputs * (inputs - 1 + 1)": "输出数 * (输入数 - 1 + 1)",
    "outputs * 4": "输出数 * 4",
    "FLOPs, as a layer table counts them": "FLOPs（层表的算法）",
    "memory of the output": "输出的内存",
    "memory kept for the backward pass: the input": "为反向传播保存的内存：输入",
    "memory kept beside it by maximum pooling: which value won": "最大池化另外保存的内存：最大值的"
    "位置",
    "backward: gradient of the weights": "反向：权重的梯度",
    "backward: gradient of the input": "反向：输入的梯度",
    # Explanations.
    "`{layer}` gives what the last convolution before the head found, {n:n} maps of "
    "{size}": "`{layer}` 给出分类头之前最后一个卷积的结果，{n} 张 {size} 的特征图",
    "`{layer}` was asked for; it gives {n:n} feature maps of {size}": "按要求用 `{layer}`；它给出 "
    "{n} 张 {size} 的特征图",
    "for {target} rather than {against}: {verdict:t}": "{target} 而非 {against}：{verdict}",
    "for {target}: {verdict:t}": "{target}：{verdict}",
    "not compared with random maps": "未与随机图比较",
    "better than random maps: {n:n} of {all:n} take the class away as fast": "优于随机图：{all} 张"
    "中有 {n} 张同样快地使该类别消失",
    "the map is zero everywhere: it says nothing about this class": "归因图处处为零：对该类别没有说"
    "明",
    "blurring the whole image doesn't take the class away ({whole:n} becomes {blurred:n}), so this "
    "can't tell whether the map is true": "模糊整张图像也不会使该类别消失（{whole} 变为 "
    "{blurred}），因此无法判断归因图是否可信",
    "the map is no better than {maps:t} as smooth: don't believe it": "归因图不优于 {maps}（同样平"
    "滑）：不可信",
    "{n:n} of {maps:t} as smooth do as well: the map may be luck": "{maps}（同样平滑）中有 {n} 张同"
    "样好：可能是偶然",
    "none of {maps:t} as smooth does as well, but so few can't tell it from luck": "{maps}（同样平"
    "滑）都不如它，但数量太少，无法排除偶然",
    "the network has no ReLU, so this is its plain gradient": "网络没有 ReLU，因此这只是普通的梯度",
    "the parts sum to {total:n}, but the score changes by {difference:n}: the map is only roughly "
    "right": "各部分之和为 {total}，而得分变化为 {difference}：归因图只是大致正确",
    "`{target}` is the prediction itself, so this is the evidence for the runner-up; `{flags}` "
    "shows that for the prediction": "`{target}` 就是预测本身，因此这是支持第二名的证据；`{flags}` "
    "显示支持预测的证据",
    # One value, term by term.
    "{layer}, {place:l}: {value:n}": "{layer}，{place}：{value}",
    "{layer}, {place:l}: {kind:t} = {value:n}": "{layer}，{place}：{kind} = {value}",
    "{place:l}: {kind:t} = {value:n}": "{place}：{kind} = {value}",
    "channel {n:n}": "通道 {n}",
    "row {n:n}": "行 {n}",
    "column {n:n}": "列 {n}",
    "unit {n:n}": "单元 {n}",
    "{term} = {weight:n} * {input:n}  {place:l}": "{term} = {weight} * {input}  {place}",
    "{term} = {weight:n} * {input:n} (padding)": "{term} = {weight} * {input}（填充）",
    "{term:n}  channel {c:n}, row {r:n}, column {k:n}": "{term}  通道 {c}、行 {r}、列 {k}",
    "{term:n}  channel {c:n}, row {r:n}, column {k:n}  <- this one": "{term}  通道 {c}、行 {r}、列 "
    "{k}  <- 这个",
    "{term:n} (padding)": "{term}（填充）",
    "{term:n}  unit {n:n}": "{term}  单元 {n}",
    "{term:n}  {n:n} other term[s]": "{term}  其余 {n} 项",
    "{term:n}  {n:n} other term[s], {padding:n} of them padding": "{term}  其余 {n} 项，其中 "
    "{padding} 项为填充",
    "{n:n} other term[s]": "其余 {n} 项",
    "{n:n} other term[s], {padding:n} of them padding": "其余 {n} 项，其中 {padding} 项为填充",
    "{term:n}  bias": "{term}  偏置",
    "{formula} = {value:n} with {given}": "{formula} = {value}，其中 {given}",
    "convolution": "卷积",
    "dense": "全连接",
    "max pooling": "最大池化",
    "mean pooling": "平均池化",
    "padding": "填充",
    "constant": "常数",
    "addition": "加法",
    "batch normalisation": "批量归一化",
    "layer normalisation": "层归一化",
    "group normalisation": "组归一化",
    "sum of weight * input": "权重 * 输入之和",
    "{sum:t} + bias": "{sum} + 偏置",
    "sum of inputs": "输入之和",
    "sum of inputs / {n:n}": "输入之和 / {n}",
    "largest input": "最大的输入",
    "smallest input": "最小的输入",
    "the layer passes its input on as it is:": "该层原样传递输入：",
    "every step gives the value that the network stored: the largest difference is {n:n} of the "
    "sum of absolute terms, and may be {most:n}": "每一步都得到网络所存的值：最大差异为各项绝对值之"
    "和的 {n}，允许 {most}",
    "NOT every step gives the value that the network stored: the largest difference is {n:n} of "
    "the sum of absolute terms, and may be {most:n}": "并非每一步都得到网络所存的值：最大差异为各项"
    "绝对值之和的 {n}，允许 {most}",
    # Inspections.
    "zeros": "零值",
    "dead": "死亡",
    "rare": "很少激活",
    "receptive field": "感受野",
    "effective field": "有效感受野",
    "whole image": "整张图像",
    "dead: channels that are 0 everywhere; rare: not 0 in less than 1 % of the images": "死亡：处处"
    "为 0 的通道；很少激活：在不到 1 % 的图像中不为 0",
}
