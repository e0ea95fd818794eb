"""Chinese translations of evaluations, comparisons and calibration."""

from __future__ import annotations

EVALUATION = {
    # Evaluations.
    "evaluated on {n:t}: {images:t}": "在 {n}上评估：{images}",
    "95 % interval": "95 % 置信区间",
    "accuracy": "准确率",
    "top-5 accuracy": "Top-5 准确率",
    "balanced accuracy": "平衡准确率",
    "macro F1": "宏平均 F1",
    "log loss": "对数损失",
    "log loss, nats": "对数损失（nat）",
    "calibration error": "校准误差",
    "wilson": "Wilson",
    "wilson, effective number": "Wilson（有效图像数）",
    "bootstrap": "自助法",
    "precision": "精确率",
    "recall": "召回率",
    "F1": "F1",
    "most often confused with": "最常混淆为",
    "and {n:n} classes with a higher F1": "另有 {n} 个类别的 F1 更高",
    "left out: {images:t} that can't be read": "已排除：{images}无法读取",
    "no images of {names:t}: macro means are over the other classes": "没有这些类别的图像："
    "{names}；宏平均只计其他类别",
    "worse on {property:t} {value}: accuracy {accuracy:n} on {images:t}, {rest:n} on the "
    "others": "在{property} {value} 上较差：{images}的准确率为 {accuracy}，其余为 {rest}",
    "shorter_side_px": "短边（像素）",
    "aspect_ratio": "宽高比",
    "colour_mode": "颜色模式",
    "file_format": "文件格式",
    "threshold {threshold:n}: {share:n} of the images are accepted, error rate {error}": "阈值 "
    "{threshold}：接受 {share} 的图像，错误率 {error}",
    "{n:n} views of each image ({views:t}): {points:n} points of accuracy ({low:n} to {high:n}), "
    "{times:n} times as long": "每张图像 {n} 个视图（{views}）：准确率变化 {points} 个百分点（"
    "{low} 至 {high}），用时为 {times} 倍",
    "flip": "翻转",
    "crops": "裁剪",
    "flip-crops": "翻转与裁剪",
    # Comparisons.
    "on {n:n} images: {images:t}": "在 {n} 张图像上：{images}",
    "classifier": "分类器",
    "images/s": "张/秒",
    "{verdict:t}: {difference:t} from {first} to {second}, p = {p:n}; only {one} gets {mine:t} "
    "right, only {other} {theirs:n}": "{verdict}：从 {first} 到 {second}，{difference}，p = {p}；只"
    "有 {one} 分类正确的有 {mine}，只有 {other} 分类正确的有 {theirs} 张",
    "{points:n} points of accuracy (95 % interval {low:n} to {high:n})": "准确率相差 {points} 个百"
    "分点（95 % 置信区间 {low} 至 {high}）",
    "can't tell {first} and {second} apart": "无法区分 {first} 与 {second} 的优劣",
    "{better} is better than {worse}": "{better} 优于 {worse}",
    "  {image}: {first} / {second}, is {label}": "  {image}：{first} / {second}，实为 {label}",
    "{image}: {first} / {second}, is {label}": "{image}：{first} / {second}，实为 {label}",
    "This compares these classifiers, not their recipes: each training is partly chance.": "这里比"
    "较的是这些分类器，而不是它们的配方：每次训练都有偶然性。",
    "`--recipes` compares recipes by several runs of each.": "`--recipes` 用每个配方的多次运行来比"
    "较配方。",
    "recipe": "配方",
    "mean accuracy": "平均准确率",
    "range": "范围",
    "can't tell the recipes apart": "无法区分配方的优劣",
    "{name} has the better recipe": "{name} 的配方更好",
    "{verdict:t}: {difference:t} from the recipe of {first} to that of {second}": "{verdict}：从 "
    "{first} 的配方到 {second} 的配方，{difference}",
    # Calibration.
    "calibrated on {images:t}": "校准所用：{images}",
    "temperature 1: too few images to fit another": "温度 1：图像太少，无法拟合",
    "temperature {t:n}: log loss {before:n} -> {after:n} nats on these {n:n} images": "温度 {t}：在"
    "这 {n} 张图像上，对数损失 {before} -> {after} nat",
    "temperature {t:n}: log loss {before:n} -> {after:n} nats on these {n:n} images: no other is "
    "proven to be better": "温度 {t}：在这 {n} 张图像上，对数损失 {before} -> {after} nat：没有证明"
    "其他温度更好",
    "no threshold: all predictions are accepted": "没有阈值：接受所有预测",
    "{threshold:t}, error rate {error:n}; on new images of this kind below {bound:n} with 95 % "
    "confidence": "{threshold}，错误率 {error}；在同类新图像上，以 95 % 的置信度低于 {bound}",
    "threshold {threshold:n}: {share:n} of these images are accepted": "阈值 {threshold}：接受这些"
    "图像的 {share}",
    "threshold {threshold:n}: {share:n} of these images are accepted, the fewest that are "
    "tried": "阈值 {threshold}：接受这些图像的 {share}，这是尝试过的最低比例",
    "no threshold keeps the error at {target:n} or below: with {n:n} images {best:n} is the lowest "
    "error that can be proven": "没有阈值能使错误率不超过 {target}：用 {n} 张图像能证明的最低错误率"
    "为 {best}",
    "allow a higher `--target-error`: even of the most confident predictions more are wrong": "请放"
    "宽 `--target-error`：即使最有把握的预测，错误也更多",
    "allow a higher `--target-error`, or choose on about {n:n} images like these": "请放宽 "
    "`--target-error`，或用约 {n} 张同类图像来选择",
    "saved with the classifier; `{command}` measures the effect": "已随分类器保存；`{command}` 可测"
    "量效果",
    "the search for a temperature ended at the end of its range, {t:n}: the labels of these {n:n} "
    "images contradict what the classifier is sure of": "温度的搜索停在范围的端点 {t}：这 {n} 张图"
    "像的标签与分类器确信的相矛盾",
    "the search for a temperature ended at the end of its range, {t:n}: these {n:n} images don't "
    "say how sure the classifier may be": "温度的搜索停在范围的端点 {t}：这 {n} 张图像不足以说明分"
    "类器可以有多大把握",
}
