"""Command lines of people who know other tools: each gets an answer that names the right form."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path

import click
import pytest

from conftest import Convscope
from convscope.cli.habits import FLAG_ANSWERS, VERB_ANSWERS, VERB_HABITS, Answer
from convscope.cli.main import VERBS
from convscope.cli.main import convscope as group
from convscope.cli.summary import LAYERS
from convscope.cli.verb import Verb

VERB_LINES = [
    ("test runs/mine", "did you mean `evaluate`?"),
    ("val", "did you mean `evaluate`?"),
    ("fit photos", "did you mean `train`?"),
    ("infer a.jpg", "did you mean `predict`?"),
    ("classify a.jpg", "did you mean `predict`?"),
    ("info lenet5", "did you mean `summary`?"),
    ("image_grid a.jpg", "did you mean `image-grid`?"),
    ("Train digits", "did you mean `train`?"),
    ("help", "`convscope --help` lists the verbs, `convscope train --help` the flags of one"),
    ("help train", "`convscope train --help` the flags of one"),
    ("version", "`convscope --version` says it"),
    ("plot", "`convscope evaluate RUN --figures FOLDER` saves its figures"),
    ("photos", "the verb comes first: `convscope train photos`, for instance"),
    ("xyz", "there are `check`, `train`"),
    ("convscope train photos", "it is typed once"),
    ("evaluation runs/mine", "did you mean `evaluate`?"),
    ("my_photos", "the verb comes first: `convscope train my_photos`, for instance"),
    ("runs/mine", "the verb comes first: `convscope summary runs/mine`"),
    ("runs/mine/classifier", "the verb comes first: `convscope summary runs/mine/classifier`"),
    ("a.jpg", "the verb comes first: `convscope predict RUN a.jpg`"),
    ("best.pt", "the verb comes first: `convscope train DATA --weights best.pt`"),
    ("mine.yaml", "the verb comes first: `convscope train --recipe mine.yaml`"),
    ("--epochs 3 train digits", "flags stand behind the verb: `convscope train DATA --epochs 20`"),
]
FLAG_LINES = [
    ("train digits --bs 32", "did you mean `--batch-size`?"),
    ("train digits -bs 32", "did you mean `--batch-size`? flags of several letters have two"),
    ("train digits -epochs 3", "did you mean `--epochs`? flags of several letters have two"),
    ("train digits -lr 0.1", "did you mean `--lr`? flags of several letters have two hyphens"),
    ("train digits -model lenet5", "did you mean `--model`? flags of several letters have two"),
    ("train digits --arch resnet18", "did you mean `--model`?"),
    ("train digits --lr-scheduler cosine", "did you mean `--sched`?"),
    ("train digits --optimizer adam", "did you mean `--opt`?"),
    ("train digits --img_size 32", "did you mean `--img-size`?"),
    ("train digits --input-size 32", "did you mean `--img-size`?"),
    ("train digits --num-epochs 3", "did you mean `--epochs`?"),
    ("train digits --learning-rate 0.1", "did you mean `--lr`?"),
    ("train digits --pretrained", "did you mean `--weights published`?"),
    ("train digits --freeze 10", "did you mean `--tune head`?"),
    ("train digits --num-workers 4", "did you mean `--workers`?"),
    ("train digits --gpu 0", "did you mean `--device cuda:0`?"),
    ("train digits --gpus 1", "did you mean `--device cuda`?"),
    ("train digits --gpus 2", "`torchrun --nproc-per-node 2 -m convscope train digits`"),
    ("train digits --gpus 0,1,2", "`torchrun --nproc-per-node 3 -m convscope train digits`"),
    ("train digits --devices 2", "`torchrun --nproc-per-node 2 -m convscope train digits`"),
    ("predict runs/mine a.jpg --gpus 2", "`convscope predict runs/mine a.jpg --device cuda`"),
    ("train digits --cpu", "did you mean `--device cpu`?"),
    ("train digits --cuda", "did you mean `--device cuda`?"),
    ("train digits --mps", "did you mean `--device mps`?"),
    ("train digits --fp16", "did you mean `--precision bfloat16`?"),
    ("train digits --classes a,b", "classes are the names of the data's folders"),
    ("train digits --num-classes 10", "the numbers of classes and channels follow from the data"),
    ("train digits --output here", "did you mean `--project`?"),
    ("train digits -e 5", "did you mean `--epochs`?"),
    ("train digits --val photos", "the folders (or the table) that the data comes with say so"),
    ("evaluate runs/mine --metrics f1", "all metrics are computed; `evaluate --json` prints them"),
    ("evaluate runs/mine photos --weights x", "the form is `convscope evaluate RUN [DATA]`"),
    ("train digits --epochs", "`--epochs` has no value\nhint: write it as `--epochs INTEGER`"),
    ("explain runs/mine a.jpg --against", "hint: write it as `--against CLASS`"),
    ("train digits --val-split 0.2", "`--splits` keeps those of an earlier run"),
    ("train digits --wandb", "each run has a report.html"),
    ("train digits --verbose", "progress is shown; `--quiet` hides it"),
    ("train --data photos", "DATA has no flag: `convscope train photos`"),
    ("train --data=photos --epochs 3", "DATA has no flag: `convscope train photos --epochs 3`"),
    ("predict --model best.pt a.jpg", "RUN has no flag: `convscope predict best.pt a.jpg`"),
    ("predict runs/mine --source a.jpg", "no flag: `convscope predict runs/mine a.jpg`"),
    ("summary --arch resnet18", "NETWORK... has no flag: `convscope summary resnet18`"),
    ("evaluate runs/mine --out x", "did you mean `--output`?"),
    ("explain runs/mine a.jpg --target cat", "did you mean `--class`?"),
    ("predict runs/mine a.jpg --topk 5", "did you mean `--top`?"),
    ("predict runs/mine a.jpg --conf 0.5", "did you mean `--min-confidence`?"),
    ("summary resnet18 --nc 10", "did you mean `--num-classes`?"),
    ("summary resnet18 --classes 10", "`convscope summary resnet18 --num-classes 10`"),
    ("summary resnet18 --imgsz 3x64x64", "`convscope summary resnet18 --input 3x64x64`"),
    ("summary resnet18 --in-chans 1", "the first number of `--input` is the number of channels"),
    ("summary resnet18 --channels 1", "the first number of `--input` is the number of channels"),
    ("summary resnet18 --verbose", "`convscope summary --help` lists all of them"),
    ("evaluate runs/mine --val", "did you mean `--split val`?"),
    ("evaluate runs/mine --val photos", "DATA has no flag: `convscope evaluate runs/mine photos`"),
    ("evaluate runs/mine --test photos", "DATA has no flag: `convscope evaluate runs/mine photos`"),
    ("evaluate runs/mine --val-split", "`convscope evaluate runs/mine --split val`"),
    ("train digits --no-augment", "each augmentation has a flag, which 0 turns off: `--hflip 0`"),
    ("train digits --max-steps 100", "a training is measured in epochs: `--epochs`"),
    ("train digits --steps 100", "a training is measured in epochs: `--epochs`"),
    ("train digits --steps-per-epoch 9", "an epoch is one pass over all train images"),
    ("train digits --cache ram", "`convscope cache` shows them"),
    ("train digits --rect", "which may be oblong: `--img-size 224x320`"),
    ("train digits --val-ratio 0.2", "`--splits` keeps those of an earlier run"),
    ("train digits --train-split 0.8", "`--splits` keeps those of an earlier run"),
    ("train digits --lr-decay 0.1", "did you mean `--gamma`?"),
    ("train digits --load best.pt", "`convscope train digits --weights best.pt`"),
    ("train digits --version", "`convscope --version` says it"),
    ("train digits --debug", "`--traceback` shows where an error came from"),
    ("train digits --tags a", "has no flag `--tags`\nhint: `convscope train --help` lists all"),
    ("train digits -w 4", "has no flag `-w`\nhint: `convscope train --help` lists all of them"),
    ("train digits -d 4", "has no flag `-d`\nhint: `convscope train --help` lists all of them"),
    (
        "summary conv --input 3x8x8 --filters 16 --kernel-size 5",
        "did you mean `--kernels` and `--size`? "
        "`convscope summary conv --input 3x8x8 --kernels 16 --size 5`",
    ),
    ("summary conv --frobnicate 1", "`convscope summary conv --help` lists all of them"),
    ("summary pool --input 3x8x8 --kernel 2", "`convscope summary pool --input 3x8x8 --size 2`"),
    (
        "summary dense --input 3x8x8 --units 9",
        "`convscope summary dense --input 3x8x8 --outputs 9`",
    ),
    ("summary dense --input 3x8x8 --outputs 9 --bias false", "--outputs 9 --no-bias`"),
]
# Flags with one hyphen and a value behind an equals sign, values of flags that have none, flags in
# place of values, yes and no.
VALUE_OF_FLAG_LINES = [
    ("summary lenet5 -output=t.txt", "`convscope summary lenet5 --output t.txt`"),
    ("train digits -batch=8", "two hyphens: `convscope train digits --batch-size 8`"),
    ("train digits -device=cpu", "two hyphens: `convscope train digits --device cpu`"),
    ("train digits -workers=4", "two hyphens: `convscope train digits --workers 4`"),
    ("train digits -model=resnet18", "two hyphens: `convscope train digits --model resnet18`"),
    ("train digits -m=resnet18", "hint: convscope train digits --model resnet18"),
    ("train digits -j=4", "hint: convscope train digits --workers 4"),
    ("train digits --fresh=true", "`--fresh` takes no value\nhint: write `convscope train digits"),
    ("train digits --fresh true", "write `convscope train digits --fresh`"),
    ("train digits --download=no", "write `convscope train digits`"),
    ("train digits --overwrite true", "did you mean `--fresh`? `convscope train digits --fresh`"),
    (
        "train digits --amp --epochs 1",
        "`--amp` has no value\nhint: did you mean `--precision bfloat16`? "
        "`convscope train digits --precision bfloat16 --epochs 1`",
    ),
    ("train digits --lr --epochs 1", "`--lr` has no value\nhint: write it as `--lr TEXT`"),
    ("train digits --weights --fresh", "`--weights` has no value"),
    ("train digits --name -j 4", "`--name` has no value"),
    ("train digits --pretrained false", "leave `--pretrained false` out: `convscope train digits`"),
    ("train digits --no-pretrained", "leave `--no-pretrained` out: `convscope train digits`"),
    ("train digits --freeze 0", "did you mean `--tune all`? `convscope train digits --tune all`"),
    ("train digits --cuda false", "did you mean `--device cpu`?"),
    ("train digits --cpu false", "leave `--cpu false` out: `convscope train digits`"),
    ("train digits --no-fresh", "leave `--no-fresh` out: `convscope train digits`"),
    ("train digits --no-amp", "`convscope train digits --precision float32`"),
    ("train digits --no-mixup", "`convscope train digits --mixup 0`"),
    ("train digits --no-hflip", "`convscope train digits --hflip 0`"),
    ("train digits --pretrained best.pt", "`convscope train digits --weights best.pt`"),
    ("train digits --augment", "has no flag `--augment`\nhint: did you mean `--policy`?\n"),
    ("train digits --early-stopping", "hint: did you mean `--patience`?\n"),
    ("train digits --optimizer=AdamW", "`convscope train digits --opt adamw`"),
    ("train digits --image-size 64,96", "`convscope train digits --img-size 64x96`"),
    ("summary lenet5 --input-size 1,28,28", "`convscope summary lenet5 --input 1x28x28`"),
    ("summary lenet5 --imgsz 28", "has no flag `--imgsz`\nhint: did you mean `--input`?\n"),
    ("train digits --save-period 5", "an interval: `--checkpoint-every 5m`"),
    ("evaluate runs/mine -bs 5", "the batch size changes no result here, and has no flag"),
    (
        "explain runs/mine a.jpg --method gradcam --label cat",
        "did you mean `--method grad-cam` and `--class`? "
        "`convscope explain runs/mine a.jpg --method grad-cam --class cat`",
    ),
    ("summary lenet5 --imgsz 1x28x28 --format CSV", "--input 1x28x28 --format csv`"),
    ("evaluate runs/mine --test-time-augmentation Flip", "evaluate runs/mine --tta flip`"),
    ("train digits --helpp", "has no flag `--helpp`\nhint: `convscope train --help` lists all"),
    ("predict runs/mine a.jpg --output x", "`--csv` and `--json` print them for other programs"),
    ("summary pool --input 3x8x8 --size 2 --pad 1", "--size 2 --padding 1`"),
    ("train --pretrained photos", "`convscope train photos --weights published`"),
    ("train digits --lr-scheduler CosineAnnealingLR", "`convscope train digits --sched cosine`"),
    ("train digits --criterion CrossEntropyLoss", "`convscope train digits --loss cross-entropy`"),
    (
        "predict runs/mine a.jpg --csv out.csv",
        "`convscope predict runs/mine a.jpg --csv > out.csv`",
    ),
    (
        "evaluate runs/mine --json out.json",
        "it prints: `convscope evaluate runs/mine --json > out.",
    ),
    ("predict runs/mine a.jpg --csv=o.csv", "`convscope predict runs/mine a.jpg --csv > o.csv`"),
    ("summary lenet5 --json out.json", "it prints: `convscope summary lenet5 --json > out.json`"),
]
# Several words of other tools in one line: the command has none of them.
SEVERAL_LINES = [
    ("train --data photos --name photos", "`convscope train photos --name photos`"),
    ("evaluate --model runs/mine --data photos", "`convscope evaluate runs/mine photos`"),
    (
        "predict --weights runs/mine --source a.jpg b.jpg --conf 0.5",
        "did you mean `--min-confidence`? RUN has no flag; IMAGE... has no flag: "
        "`convscope predict runs/mine a.jpg b.jpg --min-confidence 0.5`",
    ),
    (
        "train --train-dir photos --val-dir photos",
        "DATA has no flag; the folders (or the table) that the data comes with say so: "
        "DATA/train, DATA/test; `convscope train photos`",
    ),
    (
        "train --data-path photos --arch resnet18 -bs 8 --lr 0.1 --opt sgd",
        "`convscope train photos --model resnet18 --batch-size 8 --lr 0.1 --opt sgd`",
    ),
    ("train photos --bs 8 --frobnicate 1", "did you mean `--batch-size`? `convscope train --help`"),
    (
        "train photos --bs 8 --loss ce",
        "`convscope train photos --batch-size 8 --loss cross-entropy`",
    ),
    ("predict --source a.jpg --model runs/mine", "`convscope predict runs/mine a.jpg`"),
    ("predict --source a.jpg", "the form is `convscope predict RUN IMAGE...`"),
    (
        "train photos --model resnet50 --pretrained -b 64 --lr 0.1 --sched cosine --epochs 9 --amp "
        "-j 8 --num-classes 5 --smoothing 0.1 --aa rand --reprob 0.25 --model-ema 0.999 --out runs",
        "`convscope train photos --model resnet50 --weights published -b 64 --lr 0.1 --sched "
        "cosine --epochs 9 --precision bfloat16 -j 8 --label-smoothing 0.1 --policy randaugment "
        "--erase 0.25 --ema 0.999 --project runs`",
    ),
    (
        "train model=resnet18 data=photos epochs=9 imgsz=64 batch=16 device=0 workers=8 lr0=0.01 "
        "cos_lr=True patience=5 pretrained=True project=runs name=exp exist_ok=True",
        "convscope train photos --model resnet18 --epochs 9 --img-size 64 --batch-size 16 --device "
        "cuda:0 --workers 8 --lr 0.01 --sched cosine --patience 5 --weights published --project "
        "runs --name exp --fresh",
    ),
    (
        "train -data photos -arch=resnet18 --lrf 0.01 --nbs 2 --dropout=0.1",
        "`convscope train photos --model resnet18 --final-lr 0.01 --accumulate 2 --dropout 0.1`",
    ),
    ("inspect --run runs/mine --layers conv1", "`convscope inspect runs/mine --layer conv1`"),
    ("evaluate --ckpt runs/mine --val-dir photos", "`convscope evaluate runs/mine photos`"),
    ("train 'photos' --bs 8 epochs=2", "`convscope train photos --batch-size 8 --epochs 2`"),
]
FORM_LINES = [
    ("train data=photos model=resnet18", "hint: convscope train photos --model resnet18"),
    (
        "train data=photos imgsz=64 bs=8 --seed 1",
        "train photos --img-size 64 --batch-size 8 --seed 1",
    ),
    ("train model=resnet18 data=photos", "hint: convscope train photos --model resnet18"),
    ("predict model=runs/mine source=a.jpg", "hint: convscope predict runs/mine a.jpg"),
    ("evaluate model=runs/mine data=photos", "hint: convscope evaluate runs/mine photos"),
    ("train data=photos pretrained=True", "hint: convscope train photos --weights published"),
    (
        "train data=photos pretrained=False",
        "leave `pretrained=False` out: `convscope train photos`",
    ),
    ("train data=photos gpus=2", "`torchrun --nproc-per-node 2 -m convscope train photos`"),
    ("train data=photos device=0", "hint: convscope train photos --device cuda:0"),
    ("train data=photos amp=True", "hint: convscope train photos --precision bfloat16"),
    ("train data=photos amp=False", "hint: convscope train photos --precision float32"),
    ("train data=photos fresh=true", "hint: convscope train photos --fresh"),
    ("train data=photos exist_ok=True", "hint: convscope train photos --fresh"),
    ("train data=photos val=x", "the folders (or the table) that the data comes with say so"),
    ("train data=photos cache=True", "`convscope cache` shows them; `convscope train photos`"),
    ("train data=photos resume=True", "leave `resume=True` out: `convscope train photos`"),
    ("train data=photos frob=1", "hint: `convscope train --help` lists all of them"),
    ("train photos resnet18", "did you mean `--model resnet18`?"),
    ("train my photos", "a name with spaces needs quotes: 'my photos'"),
    ("train photos fresh", "did you mean `--fresh`?"),
    (
        "train photos lr 0.1 epochs 5",
        "did you mean `--lr 0.1 --epochs 5`? `convscope train photos --lr 0.1 --epochs 5`",
    ),
    ("train photos lr", "did you mean `--lr`?\n"),
    ("train photos --freeze 10", "all layers but the last; a number of them can't be given"),
    ("train photos --freeze 10", "behind it: `convscope train photos --tune head`\n"),
    ("train --freeze 10", "each layer slower than the one behind it\n"),
    ("cache clear", "did you mean `--clear`? `convscope cache --clear`"),
    ("cache photos", "`cache` has no place for `photos`\nhint: the form is `convscope cache"),
    ("networks photos", "hint: the form is `convscope networks`"),
    ("train sets/train sets/val", "give the folder above: `convscope train sets`"),
    ("check sets/test sets/train", "give the folder above: `convscope check sets`"),
    ("summary lenet5,alexnet", "leave the commas out: `convscope summary lenet5 alexnet`"),
    ("predict runs/mine a.jpg,b.jpg", "`convscope predict runs/mine a.jpg b.jpg`"),
    ("summary conv2d", "`convscope summary conv --input 3x224x224 --kernels 64 --size 3`"),
    ("summary Conv --kernels 3", "`convscope summary conv --input"),
    ("summary convolution", "`convscope summary conv --input"),
    ("summary linear --outputs 5", "`convscope summary dense --input"),
    ("summary MaxPool2d", "`convscope summary pool --input"),
    ("summary --depth 1 conv", "`convscope summary conv --input"),
    ("networks vgg", "the form is `convscope networks`"),
    ("evaluate", "the form is `convscope evaluate RUN [DATA]`"),
    ("predict runs/mine", "the form is `convscope predict RUN IMAGE...`"),
    ("image-grid a.jpg", "the form is `convscope image-grid IMAGE... --output FILE`"),
    ("train digits --epochs 3 --epochs 4", "`--epochs` is given twice: `3` and `4`"),
    ("train digits -b 3 --batch-size=4", "`--batch-size` is given twice: `3` and `4`"),
    (
        "explain runs/mine a.jpg --value a:1 --value b:2",
        "`--value` is given twice: `a:1` and `b:2`",
    ),
    ("evaluate photos runs/mine", "hint: the run comes first: convscope evaluate runs/mine photos"),
    (
        "evaluate photos runs/mine --split val --json",
        "the run comes first: convscope evaluate runs/mine photos --split val --json",
    ),
    (
        "predict a.jpg b.jpg runs/mine --top 5",
        "the run comes first: convscope predict runs/mine a.jpg b.jpg --top 5",
    ),
    ("predict a.jpg runs/mine", "hint: the run comes first: convscope predict runs/mine a.jpg"),
    ("explain a.jpg runs/mine", "hint: the run comes first: convscope explain runs/mine a.jpg"),
    ("calibrate photos runs/mine", "the run comes first: convscope calibrate runs/mine photos"),
    ("compare runs/mine photos", "data is given by a flag: `--data photos`"),
    ("compare runs", "`runs` is no run folder: it has no recipe.yaml\nhint: it holds runs: give"),
    ("compare runs runs/mine", "it holds runs: give `runs/mine`"),
    ("evaluate runs", "it holds runs: give `runs/mine`"),
    ("predict runs a.jpg", "it holds runs: give `runs/mine`"),
    ("explain runs a.jpg", "it holds runs: give `runs/mine`"),
    ("summary runs", "it holds runs: give `runs/mine`"),
    ("train photos --resume runs", "it holds runs: give `runs/mine`"),
    ("train photos --continue runs", "it holds runs: give `runs/mine`"),
    ("train photos --weights runs", "it holds runs: give `runs/mine`"),
    ("train photos --resume runs/mine/classifier", "did you mean `runs/mine`?"),
    ("train photos --continue runs/mine/classifier", "did you mean `runs/mine`?"),
    ("train photos --resume runs/mine/classifier/classifier.json", "did you mean `runs/mine`?"),
    ("train photos --resume alone", "it is a classifier, which doesn't say how it was trained; `"),
    ("train photos --continue alone", "`convscope train DATA --weights alone` begins with its"),
    ("runs runs/mine/classifier/classifier.json", "did you mean `runs/mine`?"),
    ("train digits --model runs/mine", "`convscope train DATA --weights runs/mine` begins with"),
    ("train digits --model best.pt", "--weights best.pt` begins with these weights, `--model` t"),
    ("train digits --model alone", "`convscope train DATA --weights alone` begins with these"),
    ("summary best.pt", "`convscope train DATA --weights best.pt` begins with these weights"),
    ("train photos --weights imagenet", "did you mean `published`?"),
    ("train photos --weights DEFAULT", "did you mean `published`?"),
    ("train photos --weights IMAGENET1K_V1", "did you mean `published`?"),
    ("train photos --weights ResNet50_Weights.IMAGENET1K_V2", "did you mean `published`?"),
    ("train photos --weights pretrained", "did you mean `published`?"),
    ("train photos --weights resnet18", "did you mean `--model resnet18 --weights published`?"),
    ("train photos --weights best.pt,", "did you mean `best.pt`?"),
]
FILE_LINES = [
    ("train a.jpg", "`a.jpg` is one image, not data\nhint: give the folder of its class folders"),
    ("check best.pt", "`best.pt` is a file of weights, not data\nhint: `--weights best.pt` begins"),
    ("train mine.yaml", "`mine.yaml` is a YAML file, not data\nhint: `--recipe mine.yaml` takes"),
    ("train runs/mine", "`runs/mine` is a run, not data\nhint: give the images"),
    ("check runs/mine/classifier", "`runs/mine/classifier` is a classifier, not data"),
    ("evaluate best.pt photos", "hint: give a folder that `convscope train` wrote"),
    ("evaluate runs/mine/recipe.yaml", "did you mean `runs/mine`?"),
    ("evaluate photos", "`photos` is no run folder: it has no recipe.yaml"),
    ("evaluate 'runs\\mine'", "did you mean `runs/mine`?"),
    ("train photos,", "did you mean `photos`?"),
    ("train https://x.org/a.zip", "only files on this machine are read: download it first"),
    ("predict runs/mine a.jpg, b.jpg", "`a.jpg,`; did you mean `a.jpg`?"),
    ("predict runs/mine https://x.org/a.jpg", "only files on this machine are read"),
    ("image-grid photos\\cats -o x.png", "`photos\\cats`; did you mean `photos/cats`?"),
]
VALUE_LINES = [
    ("summary resnet9", "did you mean `resnet18`?"),
    ("summary ResNet18", "did you mean `resnet18`?"),
    ("summary resnet-18", "did you mean `resnet18`?"),
    ("summary densenet121", "the families MLP, LeNet, AlexNet, VGG, GoogLeNet"),
    ("summary efficientnet_b0", "did you mean `efficientnet_lite0`?"),
    ("summary mobilenet", "there are the families MLP, LeNet"),
    ("summary vgg", "choose one of `vgg11`, `vgg13`"),
    ("summary resnet", "choose one of `resnet20`"),
    ("train digits --device 0", "did you mean `cuda:0`?"),
    ("train digits --device gpu", "did you mean `cuda`?"),
    ("train digits --opt Adam", "did you mean `adam`?"),
    ("train digits --loss ce", "did you mean `cross-entropy`?"),
    ("train digits --loss nll", "did you mean `cross-entropy`?"),
    ("train digits --loss CrossEntropyLoss", "did you mean `cross-entropy`?"),
    ("train digits --loss BCEWithLogitsLoss", "did you mean `bce`?"),
    ("train digits --precision float16", "did you mean `bfloat16`?"),
    ("train digits --precision fp16", "did you mean `bfloat16`?"),
    ("train digits --amp true", "did you mean `bfloat16`?"),
    ("train digits --amp false", "did you mean `float32`?"),
    ("train digits --sched CosineAnnealingLR", "did you mean `cosine`?"),
    ("train digits --sched ReduceLROnPlateau", "did you mean `plateau`?"),
    ("train digits --fit letterbox", "did you mean `pad`?"),
    ("train digits --initialization glorot", "did you mean `xavier`?"),
    ("train digits --policy TrivialAugmentWide", "did you mean `trivialaugment`?"),
    ("evaluate runs/mine -o page.html", "give a folder: `page`"),
    ("explain runs/mine a.jpg -o page.png", "give a folder: `page`"),
    ("check photos -o page.html", "give a folder: `page`"),
    ("predict runs/mine a.jpg --save-inputs x.png", "give a folder: `x`"),
    ("inspect runs/mine -o page.pdf", "it doesn't end in `.html` or `.htm`"),
    ("summary lenet5 -o table.pdf", "it doesn't end in `.txt`, `.json`"),
    ("image-grid a.jpg -o a.pdf", "it doesn't end in `.png`, `.jpg` or `.jpeg`"),
    ("inspect runs/mine --lang de", "`--lang` can't be `de`\nhint: it can be `en` or `zh`"),
    ("summary lenet5 --format md", "did you mean `markdown`? it takes `table`, `json`"),
    ("summary lenet5 --format xml", "`--format` can't be `xml`\nhint: it takes `table`, `json`"),
    ("summary lenet5 --json --columns kind", "`--columns` has no effect: json has all columns"),
    ("summary lenet5 --json --depth 1", "`--depth` has no effect: json has all columns"),
    ("summary lenet5 --columns kind -o t.csv", "`--columns` has no effect: csv has all columns"),
    ("train photos --model ''", "`--model` is empty\nhint: leave it out, or give a value"),
    ("train photos --name ''", "`--name` is empty"),
    ("train photos --project ''", "`--project` is empty"),
    ("train photos --option ''", "`--option` is empty"),
    ("train ''", "`DATA` is empty"),
    ("evaluate runs/mine -o ''", "`--output` is empty"),
    ("predict runs/mine a.jpg ''", "`IMAGE...` is empty"),
    ("networks --plot a.bmp", "it doesn't end in `.svg` or `.png`"),
    ("networks --plot fig.eps", "it doesn't end in `.svg` or `.png`"),
    ("compare runs/mine runs/mine --plot fig.tex", "it doesn't end in `.svg` or `.png`"),
    ("summary lenet5 -o table.xml", "it doesn't end in `.txt`, `.json`"),
    ("train photos --show-batch batch.eps", "it doesn't end in `.png`, `.jpg` or `.jpeg`"),
    ("evaluate runs/mine --figures fig.eps", "give a folder: `fig`, or `fig.eps/` for one of that"),
    ("evaluate runs/mine --plot figures", "several figures: `--figures FOLDER` saves them"),
    ("compare runs/mine runs/mine --figures figures", "one figure: `--plot FILE` saves it"),
]
REFUSED_LINES = [*VERB_LINES, *FLAG_LINES, *VALUE_OF_FLAG_LINES, *SEVERAL_LINES, *FORM_LINES]
LINES = [*REFUSED_LINES, *FILE_LINES, *VALUE_LINES]
OWN_FLAGS = frozenset(
    ("--name", "--lr", "--opt", "--loss", "--model", "--sched", "--epochs", "-b", "-j")
)
COMMAND = re.compile(r"(?:torchrun \S+ \d -m )?convscope ([^`\n]+)")
FORM = re.compile(r"form is `[^`]+`|write it as `[^`]+`")


@pytest.fixture
def folder(convscope: Convscope) -> Path:
    """The current folder, with photos, files of other kinds, and what tells a run."""
    sets = ("sets/train", "sets/val", "sets/test")
    for name in (
        *sets,
        "photos/cats",
        "photos/dogs",
        "my photos",
        "my_photos",
        "runs/mine/classifier",
        "alone",
    ):
        Path(name).mkdir(parents=True)
    weights = "classifier/model.safetensors"
    for name in ("recipe.yaml", "environment.json", "classifier/classifier.json", weights):
        Path("runs/mine", name).write_text("{}")
    for name in ("classifier.json", "model.safetensors"):
        Path("alone", name).write_text("{}")
    for name in ("a.jpg", "b.jpg", "best.pt", "mine.yaml", "photos/cats/1.jpg"):
        Path(name).write_bytes(b"")
    return Path()


def words_of(line: str) -> list[str]:
    """The words of a command line, in which quotes stay, as Windows has them."""
    return [word.strip("'") for word in line.split()]


@pytest.mark.parametrize(("line", "answer"), LINES, ids=[line for line, _ in LINES])
def test_a_newcomers_command_line_gets_the_right_form(
    convscope: Convscope, folder: Path, line: str, answer: str
) -> None:
    outcome = convscope(*words_of(line))
    assert answer in outcome.err
    assert outcome.err.startswith("error: ")
    assert outcome.code in (2, 3, 4, 5, 6, 7)
    assert outcome.out == ""


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (("train", "my photos/best w.pt"), "`--weights 'my photos/best w.pt'` begins"),
        (("train", "my photos/a b.yaml"), "`--recipe 'my photos/a b.yaml'` takes"),
        (("train", "my run"), "`train --continue 'my run' --epochs N` trains"),
        (("train", "photos", "--resume", "my done"), "`--continue 'my done' --epochs N` trains"),
        (("train", "digits", "--model", "best w.pt"), "train DATA --weights 'best w.pt'` begins"),
        (("evaluate", "best w.pt"), "`convscope train DATA --weights 'best w.pt'` begins"),
        (("evaluate", "photos", "my run"), "comes first: convscope evaluate 'my run' photos"),
    ],
)
def test_names_with_spaces_are_quoted_in_the_commands_of_hints(
    convscope: Convscope, folder: Path, words: tuple[str, ...], command: str
) -> None:
    for name in ("my photos/best w.pt", "my photos/a b.yaml", "best w.pt"):
        Path(name).write_bytes(b"")
    for name in ("my run", "my done"):
        shutil.copytree("runs/mine", name)
    Path("my done/evaluation.json").write_text("{}")
    assert command in convscope(*words).err


def test_runs_lists_a_run_that_is_given_itself(convscope: Convscope, folder: Path) -> None:
    listed = json.loads(convscope("runs", "runs", "--json").out)
    assert json.loads(convscope("runs", "runs/mine", "--json").out) == listed
    assert [row["run"] for row in listed] == ["runs/mine"]


@pytest.mark.parametrize(
    ("place", "answer"),
    [
        (".", "no runs in `.`: did you mean `runs`?\n"),
        ("runs/mine/classifier", "no runs in `runs/mine/classifier`: did you mean `runs/mine`?\n"),
        ("photos", "no runs in `photos`\n"),
    ],
)
def test_runs_says_where_there_are_some(
    convscope: Convscope, folder: Path, place: str, answer: str
) -> None:
    outcome = convscope("runs", place)
    assert (outcome.code, outcome.out) == (0, answer)


def check_pasted(command: str) -> None:
    """Refuses what the parser would refuse, and values that a recipe can't have."""
    words = shlex.split(command.partition(" > ")[0])
    if words[-1] in ("--help", "--version"):  # which print, and end the program
        return
    with group.make_context("convscope", words, resilient_parsing=True) as context:
        verb = group.get_command(context, words[0])
        assert isinstance(verb, Verb)
        parsed = verb.make_context(words[0], words[1:], parent=context)
        verb.check_values(parsed.params)


@pytest.mark.parametrize("line", [line for line, _ in REFUSED_LINES])
def test_every_command_in_an_answer_is_taken_when_it_is_pasted(
    convscope: Convscope, folder: Path, line: str
) -> None:
    hint = FORM.sub("", convscope(*words_of(line)).err.partition("hint: ")[2])
    for command in COMMAND.findall(hint):
        check_pasted(command.strip())


@pytest.mark.parametrize("line", [line for line, _ in SEVERAL_LINES])
def test_what_runs_when_it_is_pasted_is_in_the_words_of_this_program(
    convscope: Convscope, folder: Path, line: str
) -> None:
    words = {word for word in words_of(line) if word.startswith("-") and word not in OWN_FLAGS}
    hint = convscope(*words_of(line)).err.partition("hint: ")[2]
    assert not any(words & set(command.split()) for command in COMMAND.findall(hint))


@pytest.mark.parametrize(
    ("line", "params"),
    [
        ("evaluate runs/mine photos -oout/x", {"data": "photos", "output": Path("out/x")}),
        ("image-grid a.jpg -oa.png", {"images": ("a.jpg",), "output": Path("a.png")}),
        ("train d -b16 -qj4", {"data": "d", "batch_size": "16", "quiet": True, "workers": 4}),
        ("train d --name=a=b", {"data": "d", "name": "a=b"}),
        ("train --fresh -- -d", {"data": "-d", "fresh": True}),
        ("train d --value-range -1,1", {"data": "d", "value_range": "-1,1"}),
        ("train d --option dropout=0.1", {"data": "d", "options": ("dropout=0.1",)}),
        ("train --wd 0.1 d -mlenet5", {"data": "d", "model": "lenet5", "weight_decay": 0.1}),
        ("predict runs/mine day=*/*.jpg", {"images": ("day=*/*.jpg",)}),
        ("summary lenet5 alexnet --json", {"networks": ("lenet5", "alexnet"), "as_json": True}),
    ],
)
def test_right_command_lines_are_taken_as_they_are(
    convscope: Convscope, folder: Path, line: str, params: dict[str, object]
) -> None:
    words = line.split()
    with click.Context(group, info_name="convscope") as context:
        verb = group.get_command(context, words[0])
        assert verb is not None
        taken = verb.make_context(words[0], words[1:], parent=context).params
    assert {name: str(taken[name]) for name in params} == {n: str(v) for n, v in params.items()}


def test_names_with_spaces_are_quoted_in_the_command(convscope: Convscope, folder: Path) -> None:
    assert "`convscope train 'my photos'`" in convscope("my photos").err
    assert "`convscope train 'my photos' --batch-size 8`" in (
        convscope("train", "my photos", "--bs", "8").err
    )


def test_help_is_shown_for_one_hyphen_too(convscope: Convscope) -> None:
    outcome = convscope("cache", "-help")
    assert outcome.code == 0
    assert outcome.out.startswith("Usage: convscope cache")


def test_a_file_whose_name_a_flag_would_print_to_is_not_written(
    convscope: Convscope, folder: Path
) -> None:
    convscope("summary", "lenet5", "-output=t.txt")
    assert not Path("utput=t.txt").exists()


def test_words_that_are_files_are_no_values_of_flags_without(
    convscope: Convscope, folder: Path
) -> None:
    Path("true").mkdir()
    Path("coco.json").write_text("{}")
    assert "takes no value" not in convscope("train", "--fresh", "true").err
    assert "takes no value" not in convscope("evaluate", "photos", "--json", "coco.json").err


def test_a_flag_given_twice_with_one_value_is_taken(convscope: Convscope) -> None:
    flags = ("--depth", "1", "--depth", "1", "--flops", "--flops")
    assert convscope("summary", "lenet5", *flags).code == 0


def test_flags_that_may_be_repeated_are_not_taken_for_given_twice(convscope: Convscope) -> None:
    outcome = convscope("train", "none", "--option", "dropout=0.1", "--option", "stem=small")
    assert "there is no folder `none`" in outcome.err


def test_names_with_an_equals_sign_are_names(convscope: Convscope) -> None:
    Path("data=photos").mkdir()
    assert "`data=photos`" in convscope("check", "data=photos").err
    assert "written in another way" not in convscope("check", "data=photos").err
    assert "there is no folder `a=b`" in convscope("check", "a=b").err
    assert "`label=*/*.jpg`" in convscope("image-grid", "label=*/*.jpg", "-o", "grid.png").err


def test_habits_lead_to_verbs_that_exist_and_hide_none() -> None:
    assert set(VERB_HABITS.values()) <= set(VERBS)
    assert not {*VERB_HABITS, *VERB_ANSWERS} & set(VERBS)
    assert not set(VERB_HABITS) & set(VERB_ANSWERS)
    assert all(answer.text[-1] not in ".!" for answer in FLAG_ANSWERS)


@pytest.mark.parametrize("answer", FLAG_ANSWERS, ids=lambda answer: answer.text)
def test_answers_name_only_flags_that_their_verbs_have(answer: Answer) -> None:
    with click.Context(group) as context:
        for name in answer.verbs:
            verb = group.get_command(context, name.split()[0])
            assert verb is not None
            verb = LAYERS[name.split()[1]] if " " in name else verb
            own = {flag for each in verb.params for flag in each.opts} | {"--traceback"}
            named = re.findall(r"`(--[\w-]+)", answer.text)
            assert set(named) <= own
