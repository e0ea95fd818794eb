"""Chinese translations of what a training says, before, during and after it."""

from __future__ import annotations

TRAINING = {
    # Where its time goes.
    "profile of {steps:t} of {images:n} images, from step {step:n} of epoch {epoch:n} on": "性能"
    "分析：第 {epoch} 轮第 {step} 步起的 {steps}，每步 {images} 张图像",
    "{model} at {size} px in {format} on {processor}, {n:n} thread[s]": "{model}，{size} 像素，"
    "{format}，{processor}，{n} 个线程",
    "{model} at {size} px in {format} on {processor}": "{model}，{size} 像素，{format}，"
    "{processor}",
    "steps run the last layers alone, on features that were computed once": "每步只运行最后几层，"
    "特征只计算过一次",
    "phase": "阶段",
    "ms a step": "毫秒/步",
    "share": "占比",
    "whole step": "整步",
    "layer, forward pass": "层的前向传播",
    "operator, by itself": "算子自身",
    "waiting for images": "等待图像",
    "augmentation and normalisation": "数据增强与归一化",
    "forward pass": "前向传播",
    "loss": "损失函数",
    "backward pass": "反向传播",
    "exchange between processes": "进程间通信",
    "optimizer": "优化器",
    "metrics, progress and checkpoints": "指标、进度与检查点",
    "average pooling": "平均池化",
    "dropout": "随机失活",
    "softmax and loss": "softmax 与损失",
    "update of the weights": "权重更新",
    "matrix product": "矩阵乘法",
    "resampling of images": "图像重采样",
    "gathering of images": "图像收集",
    "copying and change of format": "复制与格式转换",
    "automatic differentiation itself": "自动微分本身",
    "new tensors": "新建张量",
    "sums and products": "加法与乘法",
    "{words:t}, backward": "{words}（反向）",
    "{n:n} images/s; the network alone would come to {alone:n}": "{n} 张图像/秒；仅网络本身可达 "
    "{alone}",
    "layers and operators: of {steps:t}, which tracing makes slower": "层和算子：取自{steps}，跟踪"
    "使其变慢",
    "{n:n} further step[s]": "另外 {n} 步",
    "{phase:t}: {share:n} of a step; {way:t}": "{phase}：占一步的 {share}；{way}",
    "other programs: they leave this training {share:n} of the time of a processor; it is faster "
    "without them": "其他程序：只给本次训练留下处理器 {share} 的时间；没有它们会更快",
    "the GPU computes in {share:n} of a step, and else waits for the program; a larger "
    "`--batch-size` gives it more to do at once": "GPU 只在一步的 {share} 时间里计算，其余时间在"
    "等待程序；更大的 `--batch-size` 使它一次计算更多",
    "the network: {share:n} of a step, so this is as fast as `{model}` gets here in {format}; "
    "{way:t}": "网络：占一步的 {share}，所以在这里 `{model}` 用 {format} 已是最快；{way}",
    "what takes less: {ways:l}": "可减少用时：{ways}",
    "a smaller `--img-size`": "更小的 `--img-size`",
    "a smaller `--model`": "更小的 `--model`",
    "fewer `--epochs`": "更少的 `--epochs`",
    "they are only copied, so a smaller `--img-size` has less to copy": "图像只需复制，更小的 "
    "`--img-size` 复制更少",
    "`--workers {n:n}` decodes them with all cores": "`--workers {n}` 用所有核心解码",
    "all cores decode them now; later epochs read them from the cache": "现在所有核心都在解码；之后"
    "各轮从缓存读取",
    "all cores decode them in each epoch, as the cache has no room for them; `convscope cache "
    "--limit 100GB` gives it more": "每轮都要用所有核心解码，因为缓存没有空间；`convscope cache "
    "--limit 100GB` 给它更多空间",
    "a smaller `--img-size` has fewer pixels to change": "更小的 `--img-size` 要处理的像素更少",
    "with a larger `--batch-size` there are fewer steps": "更大的 `--batch-size` 步数更少",
    "with a larger `--batch-size` there are fewer steps, and `--opt adamw` takes less": "更大的 "
    "`--batch-size` 步数更少，`--opt adamw` 用时更少",
    "profile: {summary}; {trace} opens in https://ui.perfetto.dev": "性能分析：{summary}；{trace} "
    "可用 https://ui.perfetto.dev 打开",
    "no profile: it takes {steps:t}, and there were {n:n}": "没有性能分析：它需要 {steps}，而实际"
    "有 {n} 步",
    # Before the first step.
    "run {path}": "运行 {path}",
    "images: {counts:t}": "图像：{counts}",
    "train: {command}": "训练：{command}",
    "{train:n} train, {validation:n} validation, {test:n} test ({splits:t})": "训练集 {train} 张，"
    "验证集 {validation} 张，测试集 {test} 张（{splits}）",
    "{train:n} train, {validation:n} validation, {test:n} test ({splits:t}); {n:n} image[s] left "
    "out as `{file}` says": "训练集 {train} 张，验证集 {validation} 张，测试集 {test} 张（{splits}"
    "）；按 `{file}` 排除 {n} 张图像",
    "recipe: {model} at {size} px, {epochs:t} of {steps:t}, batch {batch:n}, {optimizer}, learning "
    "rate {rate:n} ({schedule}), {fit}, augmentation: {augmentation:l}": "配方：{model}，{size} 像"
    "素，{epochs}，每轮 {steps}，批量大小 {batch}，{optimizer}，学习率 {rate}（{schedule}），"
    "{fit}，数据增强：{augmentation}",
    "loss {loss}": "损失函数 {loss}",
    "{kind} class weights": "类别权重 {kind}",
    "class weights as given": "类别权重按给定的值",
    "{kind} sampler": "采样方式 {kind}",
    "label smoothing {n:n}": "标签平滑 {n}",
    "EMA of the weights ({n:n})": "权重的指数移动平均（{n}）",
    "{n:n} micro-batches a step": "每步 {n} 个微批次",
    "images of {sizes} px first": "先用 {sizes} 像素的图像",
    "only the last layer is trained": "只训练最后一层",
    "only the dense layers are trained": "只训练全连接层",
    "only the last layer in the first {n:n} of them": "前 {n} 轮只训练最后一层",
    "on features of {n:n} views computed once": "用一次算好的 {n} 个视图的特征",
    "a further block unfrozen every {n:n} epochs": "每 {n} 轮多解冻一个块",
    "layer decay {n:n}": "逐层学习率衰减 {n}",
    "device: {parts:l}": "设备：{parts}",
    "{n:n} processes together": "共 {n} 个进程",
    "cpu (no GPU found)": "cpu（没有找到 GPU）",
    "{name} as requested": "{name}（按要求）",
    "bfloat16 (its tensor cores have it)": "bfloat16（其张量核心支持）",
    "cpu (no GPU found), {format:t}": "cpu（没有找到 GPU），{format}",
    "{name} as requested, {format:t}": "{name}（按要求），{format}",
    "{name}, bfloat16 (its tensor cores have it)": "{name}，bfloat16（其张量核心支持）",
    # In which formats it computes, and steps that become slow.
    "computes in {chosen:t}: a step is {times:n} times as fast as in {usual:t}": "以 {chosen} 计"
    "算：每步速度是 {usual} 的 {times} 倍",
    "{precision}, channels last": "{precision}（通道在后）",
    "{precision}, channel by channel": "{precision}（逐通道存放）",
    "in the last half minute steps took {times:n} times as long as before": "最近半分钟每步用时是"
    "之前的 {times} 倍",
    "It seems that another program uses the processors; what is trained stays the same": "似乎有其"
    "他程序占用处理器；训练结果不变",
    "Ctrl-C saves, and the same command resumes when the machine is free": "按 Ctrl-C 保存，机器空"
    "闲时用同一命令继续",
    "Float32 loses less beside other programs: `--precision float32` in a new run": "与其他程序同时"
    "运行时 float32 损失较小：新的运行可用 `--precision float32`",
    # `convscope device`.
    "{n:n} of {all:n} processors": "{n} 个，共 {all} 个处理器",
    "freed memory": "释放的内存",
    "kept for the next tensors": "留给后面的张量",
    "given back": "归还系统",
    "free memory": "可用内存",
    "imitated, and slow: the processor has no instructions for it": "处理器没有相应指令，模拟运行，"
    "速度慢",
    "operation": "运算",
    "format": "格式",
    "order in memory": "内存顺序",
    "channels last": "通道在后",
    "contiguous": "逐通道",
    "product of two {size} x {same} matrices": "两个 {size} x {same} 矩阵相乘",
    "convolution {kernel}, {channels:n} channels of {height:n} x {width:n}": "{kernel} 卷积，"
    "{channels} 个通道，{height} x {width}",
    "that convolution forward and backward": "该卷积的前向与反向",
    # Whether a training repeats itself.
    "killed at any moment and started again by the same command, this training gives the same "
    "weights to the bit on the same type of machine, with the same versions, device, threads and "
    "number of processes; workers that decode images and the times of checkpoints don't "
    "matter": "无论何时中断，用同一命令重新开始，在同类机器上，若版本、设备、线程数和进程数相同，"
    "本次训练得到逐位相同的权重；与解码图像的线程数和检查点的时间无关",
    "none to the bit: the GPU's fastest algorithms add in another order each time; "
    "`--deterministic` takes others": "不保证逐位相同：GPU 最快的算法每次相加的顺序不同；"
    "`--deterministic` 改用其他算法",
    "none to the bit: the training went on differently, see `changes`": "不保证逐位相同：训练继续"
    "时有所不同，见 `changes`",
    "{images:t} left out, unreadable": "排除 {images}，无法读取",
    "no {split:t} images of {names:t}": "{split}中没有这些类别的图像：{names}",
    "the first batch, as the network sees it: {path}": "第一个批次，即网络看到的图像：{path}",
    # Networks and weights.
    "weights from {source:t}": "权重取自 {source}",
    "weights from the package `{package}`, trained on {data}": "权重取自软件包 `{package}`，在 "
    "{data} 上训练",
    "weights from {source:t}, their names without `{prefix}`": "权重取自 {source}，名称去掉 "
    "`{prefix}`",
    "weights from {source:t}, their names without `{prefix}`; {tensors:t} of other modules left "
    "out": "权重取自 {source}，名称去掉 `{prefix}`；排除其他模块的 {tensors}",
    "the package `{package}`, trained on {data}": "软件包 `{package}`，在 {data} 上训练",
    "the head has other classes and is newly initialised: {names}": "分类头的类别不同，重新初始化："
    "{names}",
    "they have no head, so it is newly initialised: {names}": "其中没有分类头，重新初始化：{names}",
    "the head's classes aren't known to be these, so it is newly initialised: {names}": "不能确定分"
    "类头的类别就是这些，重新初始化：{names}",
    "the head keeps its rows of {classes:t}": "分类头保留 {classes}的行",
    "the head keeps its rows of {classes:t}; newly initialised for {names}": "分类头保留 "
    "{classes}的行；新初始化：{names}",
    "trains from scratch, {why:t}; {way:t}": "从头训练，{why}；{way}",
    "trains the last layer alone, on features that are computed once, in about "
    "{features:d}": "只训练最后一层，特征只计算一次，约需 {features}",
    "trains the last layer alone, on features that are computed once, in about {features:d}; all "
    "layers would take about {duration:d} more (`--tune all`)": "只训练最后一层，特征只计算一次，约"
    "需 {features}；训练所有层约需再加 {duration}（`--tune all`）",
    "trains the last layer for {head:n} epochs, on features that are computed once, in about "
    "{features:d}, then all layers for {all:n}, about {duration:d}; the better of the two is "
    "kept": "先训练最后一层 {head} 轮，特征只计算一次，约需 {features}，再训练所有层 {all} 轮，约 "
    "{duration}；保留两者中较好的",
    "kept: epoch {epoch:n}, with {layers:t} trained; of the validation images, the last layer "
    "alone came to {head:n}, all layers to {all:n}": "保留：第 {epoch} 轮，训练{layers}；在验证图像"
    "上，只训练最后一层的准确率为 {head}，训练所有层为 {all}",
    "the last layer alone": "最后一层",
    "all layers": "所有层",
    # What is measured, and estimates.
    "batch size {size:n}: an image takes {image:n} MB, {free:n} GB are free": "批量大小 {size}：每"
    "张图像占用 {image} MB，空闲 {free} GB",
    "batch size {size:n}: an image takes {image:n} MB, {free:n} GB are free; more would fit, but "
    "no more than {most:n} images or an eighth of the train images are tried": "批量大小 {size}：每"
    "张图像占用 {image} MB，空闲 {free} GB；还可以更大，但至多尝试 {most} 张图像或训练图像的八分之"
    "一",
    "learning rate {rate:n}: {reason:t}": "学习率 {rate}：{reason}",
    "half of {rate:n}, where nine tenths of the fall in loss from {began:n} to {low:n} are done; "
    "the loss falls fastest at {steepest:n}, is lowest at {lowest:n}{rest:t}": "{rate} 的一半，此处"
    "损失从 {began} 降到 {low} 已完成九成；损失在 {steepest} 处下降最快，在 {lowest} 处最低{rest}",
    "half of {rate:n}, where nine tenths of the fall in loss from {began:n} to {low:n} are done; "
    "the loss falls fastest at {steepest:n}, is lowest at {lowest:n}": "{rate} 的一半，此处损失从 "
    "{began} 降到 {low} 已完成九成；损失在 {steepest} 处下降最快，在 {lowest} 处最低",
    "the lowest that was tried, below {rate:n}, where nine tenths of the fall in loss from "
    "{began:n} to {low:n} are done; the loss falls fastest at {steepest:n}, is lowest at "
    "{lowest:n}": "试过的最低值，低于 {rate}，此处损失从 {began} 降到 {low} 已完成九成；损失在 "
    "{steepest} 处下降最快，在 {lowest} 处最低",
    ", and is back where it began at {rate:n}": "，到 {rate} 处又回到起点",
    ", the highest that was tried: a higher one may be better still": "，这是试过的最高值：更高可能"
    "更好",
    "about {duration:d}: {parts:t}": "约 {duration}：{parts}",
    "about {duration:d}: {parts:t}; {way:t} takes about {seconds:d}": "约 {duration}：{parts}；"
    "{way} 约需 {seconds}",
    "{time} of time: {plan:t}": "时间 {time}：{plan}",
    "{epochs:t} at {step:n} ms a step, {epoch:n} s an epoch": "{epochs}，每步 {step} 毫秒，每轮 "
    "{epoch} 秒",
    "{epochs:t} at {step:n} ms a step, {epoch:n} s an epoch; a single one takes longer than "
    "there is time": "{epochs}，每步 {step} 毫秒，每轮 {epoch} 秒；一轮就超过了可用时间",
    "{epochs:t} at {step:n} ms a step, {epoch:n} s an epoch; a training has no "
    "more": "{epochs}，每步 {step} 毫秒，每轮 {epoch} 秒；轮数已达上限",
    "{epochs:n} epoch[s] of {each:d}": "{epochs} 轮，每轮 {each}",
    "{features:d} for features that are computed once": "计算特征（仅一次）{features}",
    "{features:d} for features that are computed once, then {epochs:t} of {each:d}": "计算特征（仅"
    "一次）{features}，然后 {epochs}，每轮 {each}",
    "without `--model` and `--weights` the pretrained `{name}`": "去掉 `--model` 和 `--weights` 而"
    "用预训练的 `{name}`",
    "`time` of {given} is too short: {what:t} takes about {needed:d}, and {left:d} are left: "
    "{phase:t} took {took:d}, evaluation and report take about {reserve:d}": "`time` 为 {given} 太"
    "短：{what}约需 {needed}，而只剩 {left}：{phase}用了 {took}，评估和报告约需 {reserve}",
    "an epoch of `{model}` at {size} px": "`{model}` 在 {size} 像素下的一轮",
    "computing the features of `{model}` at {size} px": "计算 `{model}` 在 {size} 像素下的特征",
    "`--time {time}` would do": "`--time {time}` 就够了",
    "`--time {time}` would do; the next start finds the images prepared": "`--time {time}` 就够了；"
    "下次启动时图像已经准备好",
    "`--time {time}` would do; what fits into {given}: {ways:c}": "`--time {time}` 就够了；{given} "
    "之内可以完成的：{ways}",
    "`{flag}` (about {duration:d})": "`{flag}`（约 {duration}）",
    "without `--model` and `--weights` the pretrained `{name}` (about {duration:d})": "去掉 "
    "`--model` 和 `--weights` 而用预训练的 `{name}`（约 {duration}）",
    "`time` was over before the first step: {phase:t} took {took:d} of {given}": "第一步之前 "
    "`time` 就用完了：{phase}用了 {given} 中的 {took}",
    "give more time; the next start finds the images prepared": "请给更多时间；下次启动时图像已经准"
    "备好",
    # Warnings about batches and inputs.
    "`batch_size={size:n}` is more than the {train:n} train images: each epoch is a single step; "
    "`--batch-size {smaller:n}` gives more of them": "`batch_size={size}` 大于训练图像数 {train}："
    "每轮只有一步；用 `--batch-size {smaller}` 步数更多",
    "at {size} px the feature map of `{model}` has a single position left before {layers:t}, "
    "from `{layer}` on: their kernels see padding around it; `--img-size {side:n}` avoids "
    "that": "在 {size} 像素下，从 `{layer}` 起，`{model}` 有 {layers}的输入特征图只剩一个位置：卷"
    "积核看到的其余都是填充；用 `--img-size {side}` 可以避免",
    "at {size} px the feature map of `{model}` has a single position left before {layers:t}, from `"
    "{layer}` on: their kernels see padding around it; `--img-size {side:n}` avoids that, and "
    "`--model {other}` is made for small images": "在 {size} 像素下，从 `{layer}` 起，`{model}` 有 "
    "{layers}的输入特征图只剩一个位置：卷积核看到的其余都是填充；用 `--img-size {side}` 可以避免，"
    "`--model {other}` 则适合小图像",
    # What the time went into.
    "took {took:d}, with {given} given: {phases:l}": "用时 {took}（给定 {given}）：{phases}",
    "{n:n} s {phase:t}": "{phase} {n} 秒",
    "{n:n} min {phase:t}": "{phase} {n} 分钟",
    "{n:n} h {phase:t}": "{phase} {n} 小时",
    "starting the program": "启动程序",
    "reading the images": "读取图像",
    "measuring": "测量",
    "evaluation and report": "评估和报告",
    "epochs take longer than when the time was planned: {fewer:n} of them, not {planned:n}": "每轮"
    "比计划时更慢：改为 {fewer} 轮，而不是 {planned} 轮",
    # Fields without effect.
    "`{field}` has no effect: {reason:t}": "`{field}` 不起作用：{reason}",
    "the training has {epochs:t}": "训练只有 {epochs}",
    "more than one for each of the {epochs:t} are not computed": "不会计算多于 {epochs}的视图",
    "all images have the aspect ratio of the network's input": "所有图像的宽高比都与网络输入相同",
    "all classes get the same weight": "所有类别的权重相同",
    "on `{device}` all algorithms are": "在 `{device}` 上所有算法都是确定的",
    "the continued run has its weights": "所延续的运行已有权重",
    # While it trains.
    "epoch {epoch}/{epochs:n}  loss {loss:n}  accuracy {accuracy:n}  validation loss "
    "{validation_loss:n}  accuracy {validation_accuracy:n}  {seconds:n} s  {speed:n} images/s": "第"
    " {epoch}/{epochs} 轮  损失 {loss}  准确率 {accuracy}  验证损失 {validation_loss}  验证准确率 "
    "{validation_accuracy}  {seconds} 秒  {speed} 张/秒",
    "epoch {epoch:n}/{epochs:n}, loss {loss:n}, accuracy {accuracy:n}, {speed:n} images/s": "第 "
    "{epoch}/{epochs} 轮，损失 {loss}，准确率 {accuracy}，{speed} 张/秒",
    "stopping": "正在停止",
    "stopping; once more stops at once, without saving": "正在停止；再次中断则立即停止，不保存",
    "epoch {n:n} begins again: its steps changed": "第 {n} 轮重新开始：步数已改变",
    "resumes {place:t}": "{place}继续",
    "continues `{run}` {place:t}": "延续 `{run}`，{place}开始",
    "in epoch {n:n}, after {steps:t} of it": "从第 {n} 轮的 {steps}之后",
    "after epoch {n:n} (step {step:n})": "从第 {n} 轮之后（第 {step} 步）",
    "no checkpoint is whole; the training begins anew": "没有完整的检查点；重新开始训练",
    "checkpoint {n:n} is damaged ({why}) and is not used": "检查点 {n} 已损坏（{why}），不使用",
    "resumes differently": "继续时有所不同",
    "`{path}` {why:t}; this training is `{run}`": "`{path}` {why}；本次训练为 `{run}`",
    "has ended": "已结束",
    "is there and is no run": "已存在且不是运行",
    "{done:t} of training in `{run}`: thrown away": "`{run}` 中已训练的 {done}：已丢弃",
    "not calibrated, {why:t}": "没有校准，{why}",
    # After it.
    "no better than always answering `{name}`, which is right for {share:n} of these images: check "
    "the labels (`{command}`), train longer, or with more images": "并不优于总是回答 `{name}`，后者"
    "对其中 {share} 的图像是正确的：请检查标签（`{command}`）、延长训练或增加图像",
    "not surely better than always answering `{name}`, which is right for {share:n} of these "
    "images: check the labels (`{command}`), train longer, or with more images": "不能确定优于总是"
    "回答 `{name}`，后者对其中 {share} 的图像是正确的：请检查标签（`{command}`）、延长训练或增加图"
    "像",
    "measured on {images:t} alone: the accuracy lies between {low:n} and {high:n}; `{command} "
    "--folds 5 --fold 0`, and so on to `--fold 4`, tests on all images, a fifth at a "
    "time": "只在 {images}上测得：准确率在 {low} 与 {high} 之间；`{command} --folds 5 --fold 0`，"
    "依次直到 `--fold 4`，分五次用全部图像测试",
    "overfitting: {train:n} of the train images are right, {validation:n} of the validation "
    "images; {helps:s}": "过拟合：训练图像的 {train} 分类正确，验证图像为 {validation}；{helps}",
    "more images help most": "增加图像最有效",
    "stronger augmentation may: `{command}`": "更强的数据增强可能有效：`{command}`",
    "pretrained weights may: leave out `--model` and `--weights`": "预训练权重可能有效：去掉 "
    "`--model` 和 `--weights`",
    "next:       {command}": "下一步：  {command}",
    "or:         {command}": "或：      {command}",
    "or, in {duration:d}: {command}": "或，用时 {duration}：{command}",
}
