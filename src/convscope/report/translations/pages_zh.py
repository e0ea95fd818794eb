"""Chinese texts of the pages that explain images and inspect layers."""

from __future__ import annotations

SHARED = {"contents": "目录", "enlarge": "放大或还原"}

EXPLANATION = {
    "kind": "解释",
    "title": "{image}：{label}，{probability}",
    "verdict": "{name} 把这张图像预测为 {label}，概率为 {probability}。",
    "verdict_unsure": "{name} 没有把握：概率最高的是 {label}，为 {probability}，低于其阈值 "
    "{threshold}。",
    "probabilities": "概率最高的类别",
    "class": "类别",
    "probability": "概率",
    "seen": "网络输入",
    "seen_alternative": "网络得到的图像",
    "map_alternative": "图像与 {target} 的归因图",
    "rather": "{target} 而非 {against}",
    "maps_heading": "各个类别的归因图",
    "maps_heading_one": "{target} 的归因图",
    "maps_heading_against": "{target} 而非 {against} 的归因图",
    "colours": "橙色支持该类别，蓝色反对该类别；每张图的最深颜色标出它自己最大的百分之一。",
    "colours_for": "橙色支持该类别；每张图的最深颜色标出它自己最大的百分之一。",
    "methods": {
        "grad-cam": "Grad-CAM：最后的特征图，各自按照该类别得分的梯度加权。",
        "guided-backprop": "导向反向传播：该类别得分对每个像素的梯度，只沿正向的路径。"
        "它显示网络看到的边缘，各个类别往往相同。",
        "integrated-gradients": "积分梯度：从平均颜色的图像到这张图像的过程中，"
        "每个像素使该类别的得分增加多少。",
        "occlusion": "遮挡：像素周围的窗口被模糊后，该类别的得分下降多少。",
    },
    "layer_chosen": "加权的是 `{layer}` 给出的 {channels} 张 {height}×{width} 特征图，"
    "即分类头之前最后一个卷积的输出。",
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
        "no better": "{draws} 张随机图中有 {as_good} 张同样好：不可信。",
        "zero": "这些特征图中没有任何内容支持该类别。",
        "untold": "模糊整张图像也不会降低该类别的得分，因此模糊局部说明不了什么。",
    },
    "faithful_heading": "归因图的忠实度",
    "faithful_text": "删除：从归因值最高的像素开始模糊，共 {steps} 步；插入：按同样的顺序恢复。"
    "如果归因图是忠实的，得分的下降会快于同样平滑的 {draws} 张随机图，评判以此为准；恢复像素时，"
    "得分也应回升得更快。面积是从完整图像到模糊图像过程中的平均得分。模糊的标准差是图像短边的 "
    "{blur}：三种强度中足以使第一个类别不再被预测的最小者（如果有的话）。曲线显示的是 {target}。",
    "score": "得分是该类别的概率。",
    "score_against": "得分是该类别在两个类别的概率之和中所占的比例。",
    "deletion": "删除（越低越好）",
    "insertion": "插入（越高越好）",
    "by_map": "本图",
    "by_random": "随机",
    "as_good": "同样好的随机图",
    "curves": {
        "label": "删除和插入像素时该类别的得分，按本图和随机图的顺序",
        "taken": "删除，最重要的像素在先",
        "put_back": "插入，最重要的像素在先",
        "share": "像素比例",
        "score": "得分",
        "own": "按本图",
        "random": "按随机图",
    },
    "class_map_heading": "在哪里预测为 {target}",
    "class_map_text": "分类器在处理为 {height}×{width} 的图像上滑动：共 {rows}×{columns} 个位置，"
    "每个位置对 {window_height}×{window_width} 个像素分类，"
    "与下一个位置相距 {down} 行或 {right} 列。",
    "class_map_labels": {
        "label": "图像各处 {target} 的概率",
        "scale": "{target} 的概率",
        "window": "一个位置的窗口",
    },
    "stages_heading": "各个阶段的特征图",
    "stages_text": "对每种大小的特征图，显示最后一层的输出，最大值最大的在先。每张下面是其通道"
    "和最大值。方框是其中最大值的感受野。",
    "stage": "{channels} 张 {height}×{width} 特征图中的 {shown} 张；最大值为 {largest}，"
    "在通道 {channel}",
    "field": "它的感受野为 {height}×{width} 个像素，占图像的 {share}。",
    "field_whole": "它的感受野是整张图像。",
    "no_field": "它没有矩形的感受野。",
    "stage_alternative": "{layer} 的值最大的特征图",
    "field_alternative": "{layer} 的最大值的感受野",
    "kernels_heading": "第一个卷积的卷积核",
    "kernels_text": "{count} 个 {height}×{width} 的卷积核。",
    "map_labels": {
        "own": "激活值，每张图各用一套颜色",
        "lowest": "低于 0",
        "highest": "该图的最大值",
    },
    "kernel_labels": {
        "weight": "权重，所有卷积核使用同一套颜色",
        "nothing": "权重为 0；更亮为正，每个卷积核各用一套颜色",
    },
    "kernels_alternative": "第一个卷积的卷积核",
    "value_heading": "一个值的计算过程",
    "value_holds": "每一步都由各项重新计算，并与网络算出的值相等。",
    "value_fails": "每一步都由各项重新计算；有的与网络算出的值不相等。",
    "value_read": "最后的运算在最前面。格子里的数经过四舍五入，和由未舍入的乘积得出；蓝色大于 0，"
    "橙色小于 0，最深的颜色是该层最大的数。行号和列号是输入中的位置；条纹表示填充。",
    "arithmetic": {
        "deviation": "最大的差为各项绝对值之和的 {deviation}；舍入误差至多为 {tolerance}。",
        "unit": "单元 {0}",
        "channel_row_column": "通道 {0}，行 {1}，列 {2}",
        "channel": "输入通道 {0}",
        "grids": {
            "product": {
                "window": "输入",
                "kernel": "卷积核",
                "product": "乘积",
            },
            "choice": {"window": "输入；框出的是被取的值"},
        },
        "other_channels": "其余 {count} 个输入通道合计",
        "other_terms": "其余 {count} 个输入合计",
        "beyond": "另有 {count} 项{sum}不在本页：为了不超过 5 MB，本页最多显示 {most} 项；"
        "`--json` 输出全部。",
        "beyond_sum": "（合计 {sum}）",
        "input": "输入",
        "value": "输入值",
        "weight": "权重",
        "term": "项",
        "padding": "填充",
        "sum": "和",
        "added": {"bias": "偏置", "shift": "平移 c"},
        "branch": "来自被拼接的第 {number} 个输入",
        "kinds": {
            "convolution": "卷积",
            "dense": "全连接层",
            "max pooling": "最大池化",
            "mean pooling": "平均池化",
            "batch normalisation": "批量归一化",
            "layer normalisation": "层归一化",
            "group normalisation": "组归一化",
            "addition": "加法",
            "difference": "减法",
            "product": "乘法",
            "quotient": "除法",
            "function": "激活或其他函数",
            "concatenation": "拼接",
            "softmax": "softmax",
            "sum": "求和",
            "maximum": "最大值",
            "minimum": "最小值",
            "image": "图像",
            "padding": "填充",
            "constant": "常数",
            "value of an earlier layer": "前面一层的值",
        },
    },
    "about_heading": "方法",
    "preprocessing": "预处理",
    "repeat": "重新生成的命令",
    "written_by": "由 Convscope {version} 生成",
}

EXPLANATIONS = {
    "kind": "解释",
    "title": "{name}：{count} 张图像的解释",
    "heading": "{name}",
    "text": "{count} 张图像。每张图显示预测类别的归因图，点击进入该图像的页面。",
    "doubtful": "不明显优于随机图的图：{count} 张。",
    "alternative": "{image} 与 {label} 的归因图",
    "written_by": "由 Convscope {version} 生成",
}

INSPECTION = {
    "kind": "各层",
    "title": "{name}：各层响应什么",
    "text": "各层在 {count} 张图像中响应什么：{images}。",
    "layer": "层",
    "type": "类型",
    "columns": {
        "output": "输出",
        "zeros": "零值",
        "dead": "死亡",
        "rare": "很少激活",
        "field": "感受野",
        "effective": "有效感受野",
    },
    "table_text": "零值：恰好为 0 的值所占的比例；ReLU 之后通常约为一半。死亡：在所有图像的所有位置"
    "都为 0 的通道。很少激活：在不到 1 % 的图像中不为 0 的通道。感受野：一个值可能依赖的像素。"
    "有效感受野：沿每个轴，中间的值的梯度有 95 % 所在的范围。",
    "whole": "整张图像",
    "unknown": "未知",
    "zeros": "它的 {channels} 个通道中，{share} 的值为 0。",
    "dead": "死亡（处处为 0）的通道：{count} 个（{channels}）。",
    "rare": "在不到 1 % 的图像中激活的通道：{count} 个（{channels}）。",
    "sparsity_alternative": "{layer} 各通道的零值比例",
    "sparsity_labels": {
        "x": "通道，最活跃的在先",
        "y": "零值比例",
        "channel": "一个通道",
        "dead": "死亡：处处为 0",
        "mean": "所有通道的平均",
    },
    "field": "其特征图中间的值的感受野为 {height} × {width} 个像素；有效感受野（{images} 张图像上"
    "梯度的 95 %）为 {effective}。",
    "field_alternative": "{layer} 中间的值在第一张图像上的感受野",
    "field_labels": {
        "box": "感受野",
        "padding": "填充",
        "spread": "有效感受野：沿每个轴梯度的 95 %",
        "heat": "各像素的梯度",
    },
    "patches_heading": "最能激活各通道的图像块",
    "patches_text": "每张小图是一个值的感受野，从图像中裁出，值最大的在先；下面是该值和图像的类别。"
    "条纹是填充。每张图像最多给出一张小图。卷积核是该通道背后的卷积的：蓝色大于 0，棕色小于 0；"
    "彩色图像上的卷积核用使它响应的颜色表示。",
    "no_patches": "它的值没有规则网格上的感受野，因此无法裁出图像块。",
    "channel": "通道 {channel}",
    "channel_zeros": "{share} 为零",
    "kernel": "`{layer}` 的第 {number} 个卷积核，{height}×{width}。",
    "kernel_slices": "{channels} 个输入通道中权重最大的 {shown} 个：",
    "kernel_alternative": "卷积核 {number}：蓝色大于 0，棕色小于 0",
    "slice": "{channel}",
    "patch_alternative": "激活通道 {channel} 的图像块",
    "off": "未激活：没有大于 0 的值。",
    "about_heading": "方法",
    "about_text": "网络在评估模式下运行，图像的预处理与任何预测相同。"
    "标签只写在小图下面，没有其他用途。",
    "repeat": "重新生成的命令",
    "written_by": "由 Convscope {version} 生成",
}
