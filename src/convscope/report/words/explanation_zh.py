"""The words of the page that explains one image, and of the page of several, in Chinese."""

from __future__ import annotations

EXPLANATION = {
    "kind": "解释",
    "title": "{image}：{label}，{probability}",
    "verdict": "{name} 认为这张图像是 {label}，概率为 {probability}。",
    "verdict_unsure": "{name} 没有把握：概率最高的是 {label}，为 {probability}，低于其阈值 "
    "{threshold}。",
    "probabilities": "概率最高的类别",
    "class": "类别",
    "probability": "概率",
    "seen": "网络看到的图像",
    "seen_alternative": "网络得到的图像",
    "map_alternative": "图像中支持 {target} 的部分着色",
    "rather": "{target} 而非 {against}",
    "maps_heading": "支持各个类别的依据",
    "maps_heading_one": "支持 {target} 的依据",
    "maps_heading_against": "支持 {target} 而非 {against} 的依据",
    "colours": "橙色支持该类别，蓝色反对该类别；每张图的最深颜色标出它自己最大的百分之一。",
    "colours_for": "橙色支持该类别；每张图的最深颜色标出它自己最大的百分之一。",
    "methods": {
        "grad-cam": "Grad-CAM：最后的特征图，各自按照该类别随它增长的程度加权。",
        "guided-backprop": "导向反向传播：该类别随每个像素变化的程度，只沿正向的路径。"
        "它显示网络看到的边缘，各个类别往往相同。",
        "integrated-gradients": "积分梯度：从平均颜色的图像到这张图像的过程中，"
        "每个像素给该类别的得分带来多少。",
        "occlusion": "遮挡：像素周围的窗口被模糊后，该类别失去多少。",
    },
    "layer_chosen": "加权的是 `{layer}` 给出的 {channels} 张 {height}×{width} 特征图，"
    "即分类头之前最后一个卷积的结果。",
    "layer_given": "加权的是 `{layer}` 给出的 {channels} 张 {height}×{width} 特征图。",
    "verdicts": {
        "better": "优于随机图",
        "perhaps": "可能是偶然",
        "no better": "不优于随机图",
        "zero": "处处为零",
        "untold": "无法判断",
    },
    "verdict_texts": {
        "better": "{draws} 张随机图中有 {as_good} 张同样好。",
        "perhaps": "{draws} 张随机图中有 {as_good} 张同样好。",
        "few": "{draws} 张随机图都不如它，但数量太少，无法排除偶然。",
        "no better": "{draws} 张随机图中有 {as_good} 张同样好：不要相信它。",
        "zero": "这些特征图中没有任何内容支持该类别。",
        "untold": "模糊整张图像也不会使该类别消失，因此模糊局部说明不了什么。",
    },
    "faithful_heading": "这些图可信吗？",
    "faithful_text": "先模糊图中被认为最重要的像素，共 {steps} 步。如果图是可信的，该类别的下降会"
    "快于同样平滑的 {draws} 张随机图，评判以此为准；先恢复这些像素时，它也应回升得更快。面积是从"
    "完整图像到模糊图像过程中的平均得分。模糊的标准差是图像短边的 {blur}：三种强度中足以使第一个"
    "类别消失的最小者（如果有的话）。曲线显示的是 {target}。",
    "score": "得分是该类别的概率。",
    "score_against": "得分是该类别在两个类别的概率之和中所占的比例。",
    "deletion": "去掉（越低越好）",
    "insertion": "恢复（越高越好）",
    "by_map": "本图",
    "by_random": "随机",
    "as_good": "同样好的随机图",
    "curves": {
        "title": "该类别消失和恢复的快慢",
        "label": "去掉和恢复像素时该类别的得分，按本图和随机图的顺序",
        "taken": "去掉，最重要的在先",
        "put_back": "恢复，最重要的在先",
        "share": "像素比例",
        "score": "得分",
        "own": "按本图",
        "random": "按随机图",
    },
    "class_map_heading": "在哪里看到 {target}",
    "class_map_text": "分类器在处理为 {height}×{width} 的图像上滑动：共 {rows}×{columns} 个位置，"
    "每个位置回答 {window_height}×{window_width} 个像素，与下一个位置相距 {down} 行或 {right} 列。",
    "class_map_words": {
        "label": "图像各处 {target} 的概率",
        "scale": "{target} 的概率",
        "window": "一个位置所回答的区域",
    },
    "stages_heading": "各个阶段看到什么",
    "stages_text": "对每种大小的特征图，显示最后一层的输出，最大值最大的在先。每张下面是其通道"
    "和最大值。方框是其中最强的值所能看到的全部区域。",
    "stage": "{channels} 张 {height}×{width} 特征图中的 {shown} 张；最大值为 {largest}，"
    "在通道 {channel}",
    "field": "它看到 {height}×{width} 个像素，占图像的 {share}。",
    "field_whole": "它能看到整张图像。",
    "no_field": "它的值没有方框形的感受野。",
    "stage_alternative": "{layer} 最强的特征图",
    "field_alternative": "{layer} 最强的值所看到的区域",
    "kernels_heading": "第一层卷积核",
    "kernels_text": "第一个卷积寻找的内容，{count} 个 {height}×{width} 的卷积核。",
    "map_words": {
        "own": "激活值，每张图各用一套颜色",
        "lowest": "低于 0",
        "highest": "该图的最大值",
    },
    "kernel_words": {
        "weight": "权重，所有卷积核使用同一套颜色",
        "nothing": "权重为 0；更亮为正，每个卷积核各用一套颜色",
    },
    "kernels_alternative": "第一个卷积的卷积核",
    "value_heading": "一个值的计算过程",
    "value_holds": "列出每一项；每一步的和都等于网络算出的值。",
    "value_fails": "列出每一项；有的和不等于网络算出的值。",
    "about_heading": "本页如何得出",
    "preprocessing": "预处理",
    "repeat": "重新生成的命令",
    "written_by": "由 Convscope {version} 生成",
}

EXPLANATIONS = {
    "kind": "解释",
    "title": "{name}：{count} 张图像的解释",
    "heading": "{name}",
    "text": "{count} 张图像。每张图显示支持预测类别的依据，点击进入该图像的页面。",
    "doubtful": "不明显优于随机图的图：{count} 张。",
    "alternative": "{image}，支持 {label} 的部分着色",
    "written_by": "由 Convscope {version} 生成",
}
