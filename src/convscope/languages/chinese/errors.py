"""Chinese translations of the commonest errors and their ways out; the others stay English."""

from __future__ import annotations

ERRORS = {
    "there is no folder `{path}`": "没有文件夹 `{path}`",
    "there is no file `{path}`": "没有文件 `{path}`",
    "there is no verb `{name}`": "没有命令 `{name}`",
    "no network is called `{name}`": "没有名为 `{name}` 的网络",
    "`{path}` can't be read: {why}": "`{path}` 无法读取：{why}",
    "`{path}` is no run folder: it is a file": "`{path}` 不是运行文件夹：它是一个文件",
    "`{verb}` has no flag `{flag}`": "`{verb}` 没有参数 `{flag}`",
    "`{verb}` has no flag `{one}` or `{other}`": "`{verb}` 没有参数 `{one}` 和 `{other}`",
    "did you mean `{one}` and `{other}`? {rest:t}": "是否指 `{one}` 和 `{other}`？{rest}",
    "`{flag}` can't be `{value}`": "`{flag}` 不能是 `{value}`",
    "`{argument}` is missing": "缺少 `{argument}`",
    "`{argument}` is empty": "`{argument}` 是空的",
    "`{flag}` is given twice: `{first}` and `{second}`": "`{flag}` 给出了两次：`{first}` 和 "
    "`{second}`",
    "`{first}` and `{second}` exclude each other": "`{first}` 与 `{second}` 不能同时使用",
    "both say how long to train": "两者都规定训练多久",
    "no device is called `{name}`": "没有名为 `{name}` 的设备",
    "`{name}` was requested, but this machine offers {n:n} CUDA devices": "要求使用 `{name}`，但本"
    "机有 {n} 个 CUDA 设备",
    "there is no run `{path}`": "没有运行 `{path}`",
    "`convscope runs` lists the runs": "`convscope runs` 会列出所有运行",
    "`{flag}` can't be this: {why:t}": "`{flag}` 的值无效：{why}",
    "'{value}' is not a valid integer range": "'{value}' 不是允许范围内的整数",
    "'{value}' is not a valid integer": "'{value}' 不是整数",
    "'{value}' is not a valid float": "'{value}' 不是数",
    "there is not enough memory": "内存不足",
    "did you mean `{name}`?": "是否指 `{name}`？",
    "did you mean `{name}`? {rest:t}": "是否指 `{name}`？{rest}",
    "it takes {names}": "可用的值：{names}",
    "it can be {names}": "可用的值：{names}",
    "there are {names}": "可用的有：{names}",
    "leave one of them out": "请去掉其中一个",
    "the form is `{form}`": "用法：`{form}`",
    "`{command}` lists all of them": "`{command}` 会全部列出",
    "`convscope networks` lists all of them": "`convscope networks` 会全部列出",
    "`convscope train digits` creates a first run": "`convscope train digits` 会创建第一个运行",
    "this continues it: {command}": "用以下命令继续：{command}",
    "`profile` can't be used while another profiler of torch runs": "torch 的另一个性能分析器正在运"
    "行，不能使用 `profile`",
    "end that one before the training, or leave out `profile`": "请在训练前结束它，或不用 "
    "`profile`",
    "close other programs, or raise the limit (`ulimit`)": "请关闭其他程序，或提高限制（`ulimit`）",
    "`--device auto` takes the best that there is": "`--device auto` 会选用现有的最好设备",
    "stopped by {signal} after step {step:n}; everything is saved in `{path}`": "在第 {step} 步之后"
    "因 {signal} 停止；一切已保存在 `{path}`",
    "no runs in `{folder}`": "`{folder}` 中没有运行",
    "no runs in `{folder}`: did you mean `{near}`?": "`{folder}` 中没有运行：是否指 `{near}`？",
}
