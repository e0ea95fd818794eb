"""Chinese translations of what is said about data: opening, splits, damage, preprocessing."""

from __future__ import annotations

DATA = {
    "train": "训练集",
    "validation": "验证集",
    "test": "测试集",
    # Splits.
    "train, validation and test as given": "训练集、验证集和测试集按数据给出的划分",
    "{kept:t}, a part of train drawn by pixels chooses the epoch": "{kept}，从训练集中按像素抽出一"
    "部分来选择轮次",
    "{split:t} as given is kept for the number that is reported": "数据给出的{split}只用于报告指标",
    "fold {fold:n} of {folds:n}, counted from 0, is the test": "以 {folds} 折中的第 {fold} 折（从 "
    "0 数起）为测试集",
    "no splits given: drawn by pixels": "数据没有给出划分：按像素抽取",
    "only train given: the others drawn by pixels": "数据只给出训练集：其余按像素抽取",
    "{splits:t}, images of the earlier split as there": "{splits}，先前划分中的图像保持不变",
    "{old:n} of {images:t} stay as in the earlier split": "{images}中有 {old} 张保持先前的划分",
    "{images:t} belonging to images in two splits of the earlier split: used for "
    "training": "{images}与先前划分中两个集合的图像相关：用于训练",
    "{classes:t} too small for a train, a validation and a test split: {images:t} moved to train, "
    "so that each has at least one there ({names:t}); with more images they can be "
    "tested": "{classes}的图像太少，不足以划分训练集、验证集和测试集：把 {images}移入训练集，使每类"
    "至少有一张（{names}）；图像更多时才能测试",
    "{groups:t} of images that belong together (copies, near-duplicates or the same `--group`) in "
    "several of the given splits: `convscope check` names them": "有 {groups}本应在一起的图像（副"
    "本、近似重复或同一 `--group`）分散在给出的几个划分中：`convscope check` 会列出",
    # Which images.
    "all images": "全部图像",
    "all images; which of them training saw isn't known": "全部图像；不清楚其中哪些训练时见过",
    "the {split:t} split as given": "数据给出的{split}",
    "the images that training used as {split:t}": "训练时用作{split}的图像",
    "{images:t}; training or selection saw {n:n} of them": "{images}；其中 {n} 张在训练或选择中见"
    "过",
    "{images:t}; {n:n} of them have copies that training or selection saw": "{images}；其中 {n} 张"
    "有副本在训练或选择中见过",
    "{images:t}, but for {n:n} that training or selection saw": "{images}，除去训练或选择中见过的 "
    "{n} 张",
    "{images:t}, but for {n:n} that training or selection saw or that were excluded": "{images}，除"
    "去训练或选择中见过的或已排除的 {n} 张",
    "{images:t}, but for {n:n} that are reported on": "{images}，除去用于报告指标的 {n} 张",
    "{images:t}; {more:t} that none of the others saw either": "{images}；{more}其余分类器也没有见"
    "过",
    "{n:t} drawn from {images:t}": "{n}，抽自{images}",
    "test images ({splits:t})": "测试图像（{splits}）",
    "test images ({splits:t}); {n:n} of them have copies that training or selection saw": "测试图像"
    "（{splits}）；其中 {n} 张有副本在训练或选择中见过",
    "validation images, which chose the epoch": "选择轮次所用的验证图像",
    "{images:t} left out, as the synonyms say": "{images}按同义词表的说明排除",
    "without {images:t} of {classes:t} that the classifier doesn't know ({names:t})": "不含分类器不"
    "认识的 {classes}的 {images}（{names}）",
    "{others:n} of {images:t} aren't those of the training: they changed, or are decoded "
    "differently": "{images}中有 {others} 张与训练时不同：已被改动，或解码方式不同",
    # Opening.
    "everything lies in the folder `{path}`, which was opened": "所有内容都在文件夹 `{path}` 中，已"
    "打开该文件夹",
    "folders taken for splits: {folders}": "被当作划分的文件夹：{folders}",
    "splits from folders, as in {files}": "划分取自文件夹，如 {files}",
    "splits from {files}": "划分取自 {files}",
    "splits from {files}; the other images are train": "划分取自 {files}；其余图像为训练集",
    "labels from `{column}`": "标签取自 `{column}`",
    "labels from `{label}`, paths from column `{path}`": "标签取自 `{label}`，路径取自列 `{path}`",
    "paths from column `{column}`": "路径取自列 `{column}`",
    "groups from `{column}`": "分组取自 `{column}`",
    "labels are those of the class folders; `{table}` says the same": "标签取自类别文件夹；"
    "`{table}` 的说法相同",
    "class folder `{name}` has no images": "类别文件夹 `{name}` 中没有图像",
    "split `{split}` has no images of {names:t}": "划分 `{split}` 中没有这些类别的图像：{names}",
    "left out: {images:t} outside of class folders": "已排除：{images}不在类别文件夹中",
    "left out: {images:t} in class folders, not in the table": "已排除：类别文件夹中有 {images}不在"
    "表中",
    "{images:t} deeper than one folder below their class, for instance `{example}`; the class is "
    "the first level": "{images}位于类别之下不止一层的文件夹中，例如 `{example}`；类别取第一层",
    "{images:t} outside of `{folder}`, for instance `{example}`": "{images}在 `{folder}` 之外，例如"
    " `{example}`",
    "files that are no images by their names were passed over: {kinds}": "按名称不是图像的文件已跳"
    "过：{kinds}",
    "HEIC images can be read after `pip install convscope[heif]`": "执行 `pip install "
    "convscope[heif]` 之后可以读取 HEIC 图像",
    "{folders:t} passed over: {kind:t}": "跳过 {folders}：{kind}",
    "thumbnails of the images beside it": "旁边图像的缩略图",
    "written by convscope": "由 convscope 写入",
    "{n:n} image[s] left out as `{file}` says": "按 `{file}` 排除 {n} 张图像",
    "cells of `{table}` are separated by `{sign}`": "`{table}` 的单元格以 `{sign}` 分隔",
    "backslashes in the table's paths were taken as slashes": "表中路径的反斜杠按斜杠处理",
    "{n:n} in `{pattern}` skipped: not image files by their names": "跳过 `{pattern}` 中的 {n} 个文"
    "件：按名称不是图像",
    "{files:t} in `{pattern}` skipped: not image files by their names": "跳过 `{pattern}` 中的 "
    "{files}：按名称不是图像",
    # Damage.
    "is truncated": "不完整",
    "ends early": "提前结束",
    "is empty": "是空文件",
    "{name} ends early": "{name} 提前结束",
    "{name} is empty": "{name} 是空文件",
    "{name} is truncated": "{name} 不完整",
    "is damaged: some of its data is missing or wrong": "已损坏：部分数据缺失或有误",
    "is damaged: zeros are in place of its data": "已损坏：数据处全是零",
    "is damaged: restart marks are missing in its data": "已损坏：数据中缺少重启标记",
    "is damaged: its part {part} has a wrong checksum": "已损坏：{part} 段的校验和有误",
    "is damaged: some of its data has a wrong checksum": "已损坏：部分数据的校验和有误",
    "is damaged: some of its data unpacks to more than its pixels": "已损坏：部分数据解压后多于其像"
    "素",
    "is truncated: zeros are in place of its data": "不完整：数据处全是零",
    "is no image of a format that is read ({formats})": "不是可读格式的图像（{formats}）",
    "{name} is no image of a format that is read ({formats})": "{name} 不是可读格式的图像（"
    "{formats}）",
    "has {pixels:n} pixels, over the limit of {limit:n} (`--max-pixels`)": "有 {pixels} 个像素，超"
    "过上限 {limit}（`--max-pixels`）",
    "can't be decoded: {why:t}": "无法解码：{why}",
    "{name} can't be decoded: {why:t}": "{name} 无法解码：{why}",
    "has values from {low:n} to {high:n}, beyond the {least:n} to {most:n} of its type (`{flag}` "
    "says what is black and white)": "取值从 {low} 到 {high}，超出其类型的 {least} 到 {most}（"
    "`{flag}` 说明哪些值是黑和白）",
    "has values from {low:n} to {high:n}, of unknown range (`{flag}` says what is black and "
    "white)": "取值从 {low} 到 {high}，范围未知（`{flag}` 说明哪些值是黑和白）",
    "its data is damaged": "数据已损坏",
    "no pixels are in it": "其中没有像素",
    # Preprocessing.
    "{colours:t}, {geometry:t} (bilinear, antialiased), divided by 255, mean {mean} subtracted, "
    "divided by {std}": "{colours}，{geometry}（双线性插值，抗锯齿），除以 255，减去均值 {mean}，除"
    "以 {std}",
    "values of more than 8 bits from {low:n} to {high:n} brought to 0 to 255, {rest:t}": "把超过 8 "
    "位的值从 {low} 至 {high} 换算为 0 至 255，{rest}",
    "grey": "灰度",
    "RGB": "RGB",
    "shorter side resized to {px:n} px, centre cut to {size}": "短边缩放到 {px} 像素，居中裁剪为 "
    "{size}",
    "resized to cover {cover}, centre cut to {size}": "缩放到覆盖 {cover}，居中裁剪为 {size}",
    "longer side resized into {size}, black borders added": "长边缩放到 {size} 之内，四周补黑边",
    "resized to {size} whatever the aspect ratio": "不顾宽高比，缩放到 {size}",
    # Augmentation.
    "flipped horizontally with probability {p:n}": "以概率 {p} 水平翻转",
    "flipped horizontally in every other epoch": "隔轮水平翻转",
    "flipped vertically with probability {p:n}": "以概率 {p} 垂直翻转",
    "{operations:t} of RandAugment at magnitude {n:n}": "RandAugment 的 {operations}，强度 {n}",
    "cropped to at least {share:n} of the area and resized": "裁剪至少 {share} 的面积再缩放",
    "padded by {px:n} px and cropped": "四周填充 {px} 像素再裁剪",
    "shifted by up to {share:n}": "平移至多 {share}",
    "rotated by up to {n:n} degrees": "旋转至多 {n} 度",
    "scaled by up to {share:n}": "缩放至多 {share}",
    "{factor:t} changed by up to {share:n}": "{factor}变化至多 {share}",
    "brightness": "亮度",
    "contrast": "对比度",
    "saturation": "饱和度",
    "sharpness": "清晰度",
    "hue shifted by up to {n:n} degrees": "色相偏移至多 {n} 度",
    "converted to grey with probability {p:n}": "以概率 {p} 转为灰度",
    "one operation of TrivialAugment": "TrivialAugment 的一个操作",
    "blurred with probability {p:n}": "以概率 {p} 模糊",
    "a box erased with probability {p:n}": "以概率 {p} 擦除一个矩形",
    "blended in pairs (MixUp, alpha {alpha:n})": "成对混合（MixUp，alpha {alpha}）",
    "with a box of another image (CutMix, alpha {alpha:n})": "换入另一图像的矩形（CutMix，alpha "
    "{alpha}）",
    "{mixup:t} or with a box of another image (CutMix, alpha {alpha:n})": "{mixup}，或换入另一图像"
    "的矩形（CutMix，alpha {alpha}）",
    "none": "无",
    # Scans and the cache of decoded images.
    "scanning {images:t} for the first time: about {duration:d}, once": "首次扫描 {images}：约 "
    "{duration}，仅此一次",
    "comparing {n:n} images with each other, once": "把 {n} 张图像互相比较，仅此一次",
    "of {n:n} images only those with the same pixels are kept in one split; comparing so many for "
    "near-duplicates would take too long": "{n} 张图像中，只有像素相同的会放在同一划分；图像太多，"
    "逐一比较近似重复会太慢",
    "decoded images would take {size:n} GB, more than the {limit:n} GB that `convscope cache` may "
    "hold: they are decoded in each epoch": "解码后的图像需要 {size} GB，超过 `convscope cache` 允"
    "许的 {limit} GB：每轮重新解码",
    "up to {size:n} GB of decoded images are kept in {folder}": "最多 {size} GB 的解码图像保存在 "
    "{folder}",
    "images in `{folder}` are damaged; they are decoded anew": "`{folder}` 中的图像已损坏；重新解"
    "码",
    "removed {size:t}": "已删除 {size}",
    "{total:t} of at most {limit:t} in {folder}": "{folder} 中已用 {total}，上限 {limit}",
    "just used": "刚用过",
    "{n:n} h ago": "{n} 小时前",
    "{n:n} days ago": "{n} 天前",
    "{name} at {height:n}x{width:n}x{channels:n} {fit}": "{name}，{height}x{width}x{channels} "
    "{fit}",
    "{name}, {count:n} image[s] at {geometry}": "{name}，{count} 张图像，{geometry}",
    "unfinished scan at {geometry}": "未完成的扫描，{geometry}",
    # Pictures.
    "{n:n} more are left out: `--at-most` says how many": "另有 {n} 张省略：`--at-most` 决定张数",
    "{images:t} can't be read": "{images}无法读取",
    "{images:t} of {n:n} can't be read": "{n} 张中有 {images}无法读取",
    "{bad:n} of {n:n} images can't be read": "{n} 张图像中有 {bad} 张无法读取",
}
