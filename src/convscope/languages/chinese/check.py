"""Chinese translations of what `convscope check` finds."""

from __future__ import annotations

CHECK = {
    "{name}: {images:t}, {classes:t} of {low:n}": "{name}：{images}，{classes}，每类 {low} 张",
    "{name}: {images:t}, {classes:t} of {low:n} to {high:n}": "{name}：{images}，{classes}，每类 "
    "{low} 至 {high} 张",
    "{name}: {images:t}, {classes:t} of {low:n}; given as {splits:l}": "{name}：{images}，"
    "{classes}，每类 {low} 张；{splits}",
    "{name}: {images:t}, {classes:t} of {low:n} to {high:n}; given as {splits:l}": "{name}："
    "{images}，{classes}，每类 {low} 至 {high} 张；给出的划分：{splits}",
    "{images:t}, {classes:t} of {low:n}": "{images}，{classes}，每类 {low} 张",
    "{images:t}, {classes:t} of {low:n} to {high:n}": "{images}，{classes}，每类 {low} 至 {high} "
    "张",
    "{n:n} train": "训练集 {n} 张",
    "{n:n} validation": "验证集 {n} 张",
    "{n:n} test": "测试集 {n} 张",
    "{n:n} in no split": "未划分 {n} 张",
    "no split": "未划分",
    "data: {counts:t} (`{command}` says more)": "数据：{counts}（`{command}` 会说明更多）",
    "data: {counts:t}; {findings:s} (`{command}` says more)": "数据：{counts}；{findings}（"
    "`{command}` 会说明更多）",
    "page: {page}   list: {list}": "页面：{page}   清单：{list}",
    "the list that was there, perhaps edited, is now `{path}`": "原有的清单（可能已编辑）现为 "
    "`{path}`",
    "error": "错误",
    "warning": "警告",
    "note": "提示",
    "duplicates": "重复",
    "everything else": "其余检查",
    "near-duplicates": "近似重复的图像",
    "reading": "读取",
    # Verdicts, and findings with their numbers.
    "{title:t} ({images:n} image[s])": "{title}（{images} 张图像）",
    "{title:t} ({images:n} image[s] in {groups:n} group[s])": "{title}（{images} 张图像，{groups} "
    "组）",
    "{title:t}: {images:n} image[s]": "{title}：{images} 张图像",
    "{title:t}: {images:n} image[s] in {groups:n} group[s]": "{title}：{images} 张图像，{groups} "
    "组",
    "Deal with these before training: {names:s}.": "训练之前请先处理：{names}。",
    "Nothing has to be done before training; worth a look: {names:s}.": "训练之前不必处理；值得一"
    "看：{names}。",
    "Nothing is wrong; {notes:t} to know.": "没有问题；有 {notes}需要了解。",
    "Nothing is wrong.": "没有问题。",
    "Labels are not judged.": "未判断标签是否正确。",
    # Labels.
    "suspect labels": "疑似标签错误",
    "The classifier of `{run}` finds another class at least as probable as it is on average for "
    "images of that class, and their own less probable than on average.": "`{run}` 的分类器认为另一"
    "类别的概率不低于该类图像的平均值，而标签所说类别的概率低于平均值。",
    "Look at each: move what lies in the wrong class. Of the others the classifier is "
    "wrong.": "请逐一查看：放错类别的图像移到正确的类别；其余是分类器有误。",
    "labels judged, none is suspect": "已判断标签，没有疑似错误",
    "The classifier of `{run}` contradicts no label clearly.": "`{run}` 的分类器与任何标签都没有明"
    "显矛盾。",
    "Nothing has to be done.": "不必处理。",
    "labels not judged": "未判断标签",
    "Whether each image lies in the right class was not looked for: that takes a trained "
    "classifier.": "没有检查每张图像的类别是否正确：这需要训练好的分类器。",
    "Train one; then `{command}` names the labels that it contradicts.": "请先训练；然后 `{command}"
    "` 会列出与它相矛盾的标签。",
    "looks like `{name}` ({probability:n}; its own class {own:n}; {source:t})": "像是 `{name}`（"
    "{probability}；标签所说类别 {own}；{source}）",
    "cross-validated": "交叉验证",
    "not trained on": "未用于训练",
    "{images:t} that `{run}` was not trained on: by its classifier": "{images}未用于训练 `{run}`："
    "由其分类器判断",
    "{images:t} that `{run}` was not trained on: by its classifier ({n:n} of them chose its epoch "
    "and temperature)": "{images}未用于训练 `{run}`：由其分类器判断（其中 {n} 张用于选择轮次和温"
    "度）",
    "{images:t} that it was trained on: by cross-validation, a linear classifier on the network's "
    "features, trained without the image": "{images}曾用于训练：由交叉验证判断，即在网络特征上、不"
    "用该图像训练的线性分类器",
    "its features were trained on these labels as well, so that some wrong ones look right "
    "there": "其特征也用这些标签训练过，因此有些错误的标签看似正确",
    "{images:t} not judged: too few others of the class": "{images}未判断：该类别的其他图像太少",
    "on the list `{list}`": "在清单 `{list}` 中",
    # Damage and copies.
    "unreadable files": "无法读取的文件",
    "They can't be decoded, so that a network can be neither trained nor tested on them.": "这些文"
    "件无法解码，既不能用于训练，也不能用于测试。",
    "Repair or delete them. Training leaves them out, and refuses where they are more than 5 % of "
    "all and `--allow-damaged` isn't given.": "请修复或删除。训练会排除它们；若超过总数的 5 % 且没"
    "有给出 `--allow-damaged`，则拒绝训练。",
    "truncated images": "不完整的图像",
    "Their files end early; what is missing is a flat area that no camera took.": "文件提前结束；缺"
    "失的部分是一片并非相机拍下的单色区域。",
    "Get them again from where they came, or leave them out.": "请从来源重新获取，或排除它们。",
    "same picture, different labels": "同一图像有不同标签",
    "The same pixels carry different labels, so that at most one of them is right.": "像素相同而标"
    "签不同，因此至多有一个标签正确。",
    "Decide which label is right; until then all copies should be left out.": "请确定哪个标签正确；"
    "在此之前应排除所有副本。",
    "same picture in several splits": "同一图像出现在多个划分中",
    "A test on pictures that were trained on measures memory: its accuracy is too high.": "用训练过"
    "的图像测试，测的是记忆：准确率会偏高。",
    "Keep the copy in the later split (test, then validation), leave the others out.": "保留靠后划"
    "分（测试集，其次验证集）中的副本，排除其余。",
    "nearly the same picture in several splits": "近似图像出现在多个划分中",
    "Recompressed, resized, cropped, turned or mirrored copies of trained pictures make a test too "
    "easy.": "训练图像经过重新压缩、缩放、裁剪、旋转或镜像的副本会使测试过于容易。",
    "Look at them side by side; leave out the copies in train.": "请并排查看；排除训练集中的副本。",
    "perhaps the same picture in several splits": "可能是同一图像出现在多个划分中",
    "So far apart that among this many images such pairs are to be expected by chance.": "差异较"
    "大，在这么多图像中偶然也会出现这样的配对。",
    "Look at them side by side; leave out what are copies.": "请并排查看；排除确为副本的图像。",
    "nearly the same picture, different labels": "近似图像有不同标签",
    "Copies that differ by compression, size or a crop should have the same label, and turned or "
    "mirrored ones too, unless the class is a direction.": "只因压缩、大小或裁剪而不同的副本应有相"
    "同的标签；旋转或镜像的也是如此，除非类别就是方向。",
    "Look at them side by side: one label is probably wrong.": "请并排查看：很可能有一个标签有误。",
    "exact duplicates": "完全重复的图像",
    "The same pixels several times count more than other pictures, and make up fewer pictures than "
    "there seem to be.": "同样的像素多次出现，权重便大于其他图像，实际的图像也比看上去少。",
    "Where Convscope draws the splits, they stay together.": "由 Convscope 抽取划分时，它们会在同一"
    "划分中。",
    "Keep one of each.": "每组保留一张。",
    "Recompressed, resized, slightly cropped, turned or mirrored copies, or shots of one "
    "burst.": "经过重新压缩、缩放、稍作裁剪、旋转或镜像的副本，或同一组连拍。",
    "Nothing has to be done; leave copies out where they are many.": "不必处理；副本很多时可排除。",
    "the copy to keep": "应保留的副本",
    "same pixels as `{name}`": "与 `{name}` 像素相同",
    "same pixels as `{name}` in {split:t}": "与{split}中的 `{name}` 像素相同",
    "{same:t}, labelled `{label}`": "{same}，其标签为 `{label}`",
    "nearly the same as `{name}`": "与 `{name}` 近似",
    "nearly the same as `{name}` in {split:t}": "与{split}中的 `{name}` 近似",
    "{same:t}, mirrored": "{same}，镜像",
    "{same:t}, upside down": "{same}，上下颠倒",
    "{same:t}, turned by {n:n} degrees": "{same}，旋转 {n} 度",
    "{same:t}, mirrored and turned by {n:n} degrees": "{same}，镜像并旋转 {n} 度",
    "{same:t} (distance {distance:n} of 1)": "{same}（距离 {distance}，上限 1）",
    "turned by {n:n} degrees": "旋转 {n} 度",
    "mirrored": "镜像",
    "{images:t} can't say how near copies are; only pairs that hardly differ count": "只凭 "
    "{images}无法确定副本有多近；只计几乎没有差别的配对",
    "calibrated on this data: of copies of {images:t} it finds {found:l}; about {pairs:n} false "
    "pairs are to be expected": "在本数据上校准：对 {images}的副本，能找出 {found}；预计约有 "
    "{pairs} 对误报",
    "{share:n} of those {kind:t}": "{kind}的 {share}",
    "saved as JPEG of quality {n:n}": "存为质量 {n} 的 JPEG",
    "resized to {n:n} %": "缩放到 {n} %",
    "cropped by {n:n} %": "裁去 {n} %",
    "brightened by {n:n} %": "增亮 {n} %",
    # Shortcuts and balance.
    "{feature:t} gives the class away": "{feature}泄露了类别",
    "A network may learn the {feature:t} instead of what is in the picture, look excellent here, "
    "and fail on pictures from elsewhere.": "网络学到的可能是{feature}而不是图像内容：在这里看似出"
    "色，换到别处的图像就会失败。",
    "Bring all pictures into the same form before training, and test on pictures from "
    "elsewhere.": "训练之前请把所有图像处理成同样的形式，并用别处的图像测试。",
    "Make sure that this belongs to the class and not to how its pictures were taken; test on "
    "pictures from elsewhere.": "请确认这属于类别本身，而不是拍摄方式造成的；并用别处的图像测试。",
    "file format": "文件格式",
    "colour": "颜色",
    "size": "大小",
    "the format": "格式",
    "the colour mode": "颜色模式",
    "the file extension": "文件扩展名",
    "the picture": "图像",
    "width x height": "宽 x 高",
    "the height": "高度",
    "the width": "宽度",
    "width / height": "宽 / 高",
    "the mean brightness": "平均亮度",
    "another": "其他",
    "in colour": "彩色",
    "{feature:t} is {values:o}: {inside:n} of `{name}`, {outside:n} of the others": "{feature}为"
    "{values}：`{name}` 的 {inside}，其余的 {outside}",
    "{feature:t} is below {edge:n}: {inside:n} of `{name}`, {outside:n} of the "
    "others": "{feature}低于 {edge}：`{name}` 的 {inside}，其余的 {outside}",
    "{feature:t} is above {edge:n}: {inside:n} of `{name}`, {outside:n} of the "
    "others": "{feature}高于 {edge}：`{name}` 的 {inside}，其余的 {outside}",
    "classes of very different size": "类别不平衡",
    "`{largest}` has {ratio:n} times as many images as `{smallest}` ({most:n} and {fewest:n}), so "
    "accuracy says little about the small classes.": "`{largest}` 的图像数是 `{smallest}` 的 "
    "{ratio} 倍（{most} 与 {fewest}），因此准确率难以反映小类别。",
    "Judge by the F1 of each class rather than by accuracy, and collect more of the rare "
    "ones.": "请以各类的 F1 而不是准确率来评判，并多收集稀少的类别。",
    "as varied as {n:n} classes of equal size (there are {all:n})": "相当于 {n} 个大小相同的类别（"
    "实有 {all} 个）",
    "images of one class only": "只有一个类别",
    "There is nothing to tell apart, so no classifier can be trained.": "没有需要区分的类别，无法训"
    "练分类器。",
    "There is nothing to tell apart to train on, so no classifier can be trained.": "训练集中没有需"
    "要区分的类别，无法训练分类器。",
    "Give a folder, or a table, with at least two classes.": "请给出至少有两个类别的文件夹或表。",
    "all are of `{name}`": "全部属于 `{name}`",
    "classes with few images": "图像很少的类别",
    "With fewer than {n:n} images, a network hardly learns a class, and its measured accuracy says "
    "next to nothing.": "图像少于 {n} 张时，网络很难学会一个类别，测得的准确率也几乎不说明什么。",
    "With fewer than {n:n} images to train on, a network hardly learns a class, and its measured "
    "accuracy says next to nothing.": "训练图像少于 {n} 张时，网络很难学会一个类别，测得的准确率也"
    "几乎不说明什么。",
    "Collect more, or join classes that may be joined.": "请收集更多图像，或合并可以合并的类别。",
    "`{name}` has {n:n} image[s]": "`{name}` 有 {n} 张图像",
    "classes missing in a split": "某个划分缺少的类别",
    "Where a split has no images of a class, nothing can be said about that class.": "划分中没有某"
    "类的图像，就无法对该类作出结论。",
    "Move some images there, or let Convscope draw the splits.": "请移入一些图像，或让 Convscope 抽"
    "取划分。",
    "`{name}` has no images in {splits:l}": "`{name}` 在{splits}中没有图像",
    "{split:t} (all of them are unreadable)": "{split}（全部无法读取）",
    "the data": "数据",
    # Appearance.
    "empty pictures": "空白图像",
    "All their pixels have the same colour: nothing is in them.": "所有像素颜色相同：其中什么也没"
    "有。",
    "Look at them; leave out what is a failed shot or download.": "逐一查看；排除拍摄或下载失败的图"
    "像。",
    "very dark pictures": "很暗的图像",
    "Far darker than the others here; little can be seen in them.": "比这里的其他图像暗得多；几乎看"
    "不清内容。",
    "Look at them; leave out what nobody could recognise.": "逐一查看；排除谁也认不出的图像。",
    "very light pictures": "很亮的图像",
    "Far lighter than the others here; little can be seen in them.": "比这里的其他图像亮得多；几乎"
    "看不清内容。",
    "pictures with hardly any contrast": "几乎没有对比度的图像",
    "Their brightness varies far less than in the others here.": "亮度变化远小于这里的其他图像。",
    "blurry pictures": "模糊的图像",
    "Far less sharp than the others here: out of focus, shaken, or enlarged.": "远不如这里的其他图"
    "像清晰：失焦、抖动或放大所致。",
    "Look at them; they may be fine if pictures will be like this in use.": "逐一查看；若实际使用的"
    "图像也是如此，则可以保留。",
    "has one colour only": "只有一种颜色",
    "has a mean brightness of {n:n}": "平均亮度为 {n}",
    "has a contrast of {n:n}": "对比度为 {n}",
    "has a sharpness of {n:n}": "清晰度为 {n}",
    # Files.
    "file names that name another format": "扩展名与格式不符的文件",
    "Convscope reads files by content, so nothing is wrong here; other programs may refuse "
    "them.": "Convscope 按内容读取文件，因此没有问题；其他程序可能拒绝读取。",
    "Rename them if other programs will read them.": "如果其他程序要读取，请改名。",
    "is {format}, though its name ends in `{ending}`": "是 {format}，文件名却以 `{ending}` 结尾",
    "files with several frames": "有多帧的文件",
    "Of animations and documents of several pages only the first frame is used.": "动画和多页文档只"
    "使用第一帧。",
    "Save frames as files of their own if they matter.": "如果需要其他帧，请另存为单独的文件。",
    "has several frames": "有多帧",
    "pictures turned by their EXIF orientation": "由 EXIF 方向旋转的图像",
    "Their pixels lie on the side, and a note in the file says how to turn them. Convscope turns "
    "them upright everywhere; other programs may not.": "像素是横放的，文件中注明了如何旋转。"
    "Convscope 一律把它们转正；其他程序未必如此。",
    "Nothing has to be done here.": "不必处理。",
    "has EXIF orientation {n:n}": "EXIF 方向为 {n}",
    "unusual colour modes": "少见的颜色模式",
    "They are converted in the same way in training and in use: transparency is laid over white, "
    "CMYK becomes RGB, 16 bits are scaled to 8.": "训练和使用时的转换方式相同：透明部分衬以白色，"
    "CMYK 转为 RGB，16 位缩放为 8 位。",
    "Look whether they still show what they should.": "请查看内容是否仍然正常。",
    "has colour mode {mode:t}": "颜色模式为{mode}",
    "black and white without grey": "无灰度的黑白",
    "palette": "调色板",
    "palette with transparency": "带透明度的调色板",
    "grey with transparency": "带透明度的灰度",
    "transparency": "透明度",
    "32-bit grey": "32 位灰度",
    "16-bit grey": "16 位灰度",
    "floating-point grey": "浮点灰度",
    "values that reach only a part of their range": "只占取值范围一部分的值",
    "{images:t} of more than 8 bits a value reach from {smallest:n} to {largest:n}, 1/{part:n} of "
    "{black:n} to {white:n}: the network sees {levels:n} of 256 grey levels.": "{images}每个值超过 "
    "8 位，取值从 {smallest} 到 {largest}，只占 {black} 到 {white} 的 1/{part}：网络只看到 256 级灰"
    "度中的 {levels} 级。",
    "Say which values are black and white: `{flag}`.": "请说明哪些值是黑和白：`{flag}`。",
    "Save them scaled to the full range: of 16 bits a colour only 8 can be read.": "请缩放到整个范"
    "围后保存：每种颜色的 16 位中只能读取 8 位。",
    "reaches {n:n}": "达到 {n}",
    "`--value-range` without effect": "`--value-range` 不起作用",
    "All images have 8 bits a value or fewer, which stay as they are.": "所有图像每个值不超过 8 "
    "位，保持原样。",
    "Leave `--value-range` out.": "请去掉 `--value-range`。",
    "no image has more": "没有图像超过 8 位",
    "grey and colour pictures mixed": "灰度与彩色图像混杂",
    "{few:n} of {all:n} pictures are {rare:t}; the others are {common:t}.": "{all} 张图像中有 "
    "{few} 张为{rare}；其余为{common}。",
    "Nothing has to be done unless the colour depends on the class.": "除非颜色与类别有关，否则不必"
    "处理。",
    "is grey": "为灰度",
    "is in colour": "为彩色",
    "extremely long pictures": "极长的图像",
    "One side is more than {n:n} times the other; cropped, most is lost, padded or stretched, "
    "little is seen.": "一边超过另一边的 {n} 倍；裁剪会丢失大部分，填充或拉伸则看不清。",
    "Cut them into pieces, or leave them out.": "请切成几块，或排除它们。",
    "has {height:n}x{width:n} pixels": "有 {height}x{width} 个像素",
    "very small pictures": "很小的图像",
    "Their shorter side is far below the median here ({px:n} px): enlarged, they are a blur.": "短"
    "边远小于这里的中位数（{px} 像素）：放大后一片模糊。",
    "Look for larger versions.": "请寻找更大的版本。",
    "very large pictures": "很大的图像",
    "They have far more pixels than the network will see, and take long to decode.": "像素远多于网"
    "络所见，解码很慢。",
    "Nothing has to be done; smaller copies would be read faster.": "不必处理；用较小的副本会读得更"
    "快。",
    "much is cut off": "裁去很多",
    "At {size} px, `--fit crop` cuts off more than {share:n} of each of {images:t}, typically "
    "{median:n} of a picture.": "在 {size} 像素下，`--fit crop` 对 {images}各裁去超过 {share}，一般"
    "为图像的 {median}。",
    "If what matters may lie at the border, train with `--fit pad` or `--fit stretch`.": "如果重要"
    "的内容可能在边缘，请用 `--fit pad` 或 `--fit stretch` 训练。",
    "has {height:n}x{width:n} pixels, {share:n} is cut off": "有 {height}x{width} 个像素，裁去 "
    "{share}",
    "names that other systems can't have": "其他系统不允许的名称",
    "They hold control characters, bytes that are no UTF-8, or a backslash; escapes stand for "
    "these here.": "含有控制字符、非 UTF-8 字节或反斜杠；这里以转义表示。",
    "Rename them before the data goes to another system.": "数据移到其他系统之前请改名。",
    "its name has characters that not every system knows": "名称含有并非所有系统都认识的字符",
    "names that differ only in upper and lower case": "只有大小写不同的名称",
    "On Windows and macOS one of them overwrites the other.": "在 Windows 和 macOS 上会互相覆盖。",
    "differs from another name only in upper and lower case": "与另一名称只有大小写不同",
    "seen while opening": "打开数据时的发现",
    "What was noticed and decided while the data was opened.": "打开数据时注意到并作出决定的事项。",
    "Read whether it is what you meant.": "请确认是否符合本意。",
}
