"""The words of the page of what layers answer to, in Chinese."""

from __future__ import annotations

INSPECTION = {
    "kind": "各层",
    "title": "{name}：各层响应什么",
    "text": "各层在 {count} 张图像中响应什么：{images}。",
    "layer": "层",
    "columns": {
        "output": "输出",
        "zeros": "零值",
        "dead": "死亡",
        "rare": "罕见",
        "field": "感受野",
        "effective": "其中起作用的部分",
    },
    "table_text": "零值：恰好为 0 的值所占的比例；ReLU 之后通常约为一半。死亡：在所有图像的所有位置"
    "都为 0 的通道。罕见：在不到 1 % 的图像中不为 0 的通道。感受野：一个值可能依赖的像素。其中"
    "起作用的部分：沿每个轴，中间的值的梯度有 95 % 所在的范围。",
    "whole": "整张图像",
    "unknown": "未知",
    "zeros": "它的 {channels} 个通道中，{share} 的值为 0。",
    "dead": "死亡（处处为 0）的通道：{count} 个（{channels}）。",
    "rare": "在不到 1 % 的图像中活跃的通道：{count} 个（{channels}）。",
    "sparsity_alternative": "{layer} 各通道的零值比例",
    "sparsity_words": {
        "x": "通道，最活跃的在先",
        "y": "为 0 的值",
        "channel": "一个通道",
        "dead": "死亡：处处为 0",
        "mean": "所有通道的平均",
    },
    "field": "其特征图中间的值能看到 {height} × {width} 个像素；在 {images} 张图像上，起作用的 95 "
    "% 在 {effective} 之内。",
    "field_alternative": "{layer} 中间的值在第一张图像上看到的区域",
    "field_words": {
        "box": "感受野",
        "padding": "填充",
        "spread": "沿每个轴起作用部分的 95 %",
        "heat": "像素的作用大小",
    },
    "patches_heading": "最能激发各通道的内容",
    "patches_text": "每张小图是一个值所看到的全部区域，从图像中裁出，最强的在先；下面是该值。条纹是"
    "填充。每张图像最多给出一张小图。",
    "no_patches": "它的值没有等步长的方框形感受野，因此无法裁出图像的部分。",
    "channel": "通道 {channel}",
    "channel_zeros": "{share} 为零",
    "patch_alternative": "激发通道 {channel} 的图像部分",
    "off": "未激活：没有大于 0 的值。",
    "about_heading": "本页如何得出",
    "about_text": "网络在评估模式下运行，图像的预处理与任何预测相同。没有使用标签。",
    "repeat": "重新生成的命令",
    "written_by": "由 Convscope {version} 生成",
}
