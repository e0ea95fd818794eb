"""What other tools call our settings and their values, so that their users are told our names.

From the command lines of timm, torchvision's references and Ultralytics, and from Keras and fastai.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from convscope.paths import exists
from convscope.text import did_you_mean, plain

# Field, or field and value -> names elsewhere, in `plain` writing: `--num-epochs` is `numepochs`.
_ELSEWHERE = {
    "data": "dataset datadir datapath dataroot i imagedir images input inputdir path root rootdir "
    "source traindata traindir trainpath",
    "path_column": "imagecolumn imagecol filecolumn filenamecolumn xcol",
    "label_column": "classcolumn labelcol labelscolumn targetcolumn ycol",
    "img_size": "cropsize dim imagesize imsize inputsize resize resolution size traincropsize "
    "targetsize imgheight imgsz inputshape",
    "fit": "cropmode resizemode",
    "model": "arch architecture backbone modelname net network networkname",
    "weights": "checkpointpath ckpt initialcheckpoint initialweights init load loadfrom "
    "loadweights modelweights pretrainedpath pretrainedweights statedict weightsfile",
    "weights=published": "pretrained imagenet usepretrained",
    "tune=head": "freeze freezebackbone freezelayers frozen linearprobe trainhead",
    "continues": "resumefrom",
    "dropout": "drop droprate dropoutrate dropprob pdrop",
    "drop_path": "droppathrate dpr stochasticdepth stochasticdepthprob",
    "epochs": "e epoch ep maxepochs numepochs nepochs nepoch nbepochs trainepochs",
    "time": "maxtime timelimit timebudget hours minutes",
    "batch_size": "batch bs batchsz minibatch minibatchsize perdevicebatchsize samplesperbatch "
    "trainbatchsize",
    "accumulate": "accumulategradbatches accumulationsteps accum gradaccum gradaccumsteps "
    "gradientaccumulation gradientaccumulationsteps nbs",
    "seed": "randomseed randomstate manualseed",
    "patience": "earlystop earlystopping earlystoppingpatience",
    "device=cpu": "cpu nocuda nogpu",
    "device=cuda": "gpu cuda gpus gpuid gpuids usecuda usegpu ngpu numgpus",
    "device=mps": "mps",
    "precision=bfloat16": "amp autocast bf16 fp16 half mixedprecision float16 bfloat16",
    "precision=float32": "float32 fp32 noamp noautocast nofp16 nohalf",
    "memory_format=channels_last": "channelslast nhwc",
    "memory_format=contiguous": "nchw",
    "deterministic": "reproducible",
    "sync_batch_norm": "syncbn",
    "opt": "optim optimizer optimiser optname optimizername",
    "lr": "learningrate lr0 baselr initiallr maxlr lrate eta",
    "lr=auto": "lrfind lrfinder findlr autolr",
    "betas": "beta beta1 beta2 optbetas",
    "eps": "epsilon opteps",
    "weight_decay": "decay wd l2 l2reg optweightdecay weightdecayrate",
    "clip_norm": "clipgrad clipgradnorm gradclip gradclipnorm gradientclip gradientclipval maxnorm "
    "maxgradnorm",
    "ema": "emadecay modelema modelemadecay",
    "sched": "lrsched lrscheduler schedule scheduler lrschedule lrpolicy",
    "sched=cosine": "coslr cosinelr cosine",
    "warmup_epochs": "lrwarmup lrwarmupepochs warmup warmupep",
    "step_epochs": "lrstepsize stepsize decayepochs",
    "gamma": "lrgamma lrdecay decayrate",
    "final_lr": "lrf minlr lrmin etamin endlr",
    "loss": "criterion lossfn lossfunction objective",
    "label_smoothing": "smoothing labelsmooth",
    "class_weights": "balanceclasses",
    "folds": "kfold kfolds nfolds nsplits cv",
    "hflip": "fliplr horizontalflip randomhorizontalflip hflipprob",
    "vflip": "flipud verticalflip randomverticalflip",
    "rotate": "degrees rotation randomrotation rotationrange",
    "translate": "shift widthshiftrange",
    "crop_scale": "rrc randomresizedcrop",
    "brightness": "hsvv",
    "saturation": "hsvs",
    "hue": "hsvh",
    "grey": "gray grayscale greyscale tograyscale",
    "erase": "erasing randomerase randomerasing reprob",
    "policy": "aa autoaugment augment augmentation randaug",
    "mixup": "mixupalpha",
    "cutmix": "cutmixalpha",
}
HABITS = {name: ours for ours, names in _ELSEWHERE.items() for name in names.split()}
GPU = HABITS["gpu"].partition("=")[2]  # the name of the device to which a number is added

# Option that is no field of a recipe, with its value where it has one -> options elsewhere.
_OPTIONS_ELSEWHERE = {
    "workers": "cpus j jobs nproc njobs numthreads numworkers nworkers threads",
    "output": "dest destination o out outdir outfile outputdir outputfile outputfolder outputpath "
    "save savedir savepath saveto",
    "project": "dest destination o out outdir output outputdir outputfolder savedir saveto",
    "name": "exp expname experiment runid runname",
    "fresh": "existok force overwrite restart scratch",
    "top": "k topk",
    "min_confidence": "conf confidence confthres minconf minprob thresh threshold",
    "tta": "testtimeaugmentation",
    "target": "class classname label targetclass",
    "layer": "camlayer gradcamlayer layername targetlayer",
    "layers": "camlayer gradcamlayer layer layername targetlayer",
    "target_error": "alpha maxerror target",
    "as_json": "tojson",
    "quiet": "silent noprogress",
    "language": "lang locale",
    "reporter": "noprogress progress progressbar quiet silent verbose verbosity",
    "split=val": "val valdata valdir valid validation validationsplit valpath valsplit",
    "split=test": "test testdata testdir testpath testsplit",
    "run": "checkpoint ckpt load m model modelpath rundir weights",
    "images": "file files i image img imgs input inputs path source",
    "networks": "arch m model net network",
    "input_text": "imagesize imgsize imgsz inputshape inputsize shape size",
    "input_shape": "imagesize imgsize imgsz input inputsize shape size",
    "num_classes": "classes nc nclasses ncls numclass numlabels",
    "kernels": "filters nout numfilters numkernels outchannels outputs",
    "size": "k kernel kernelsize ksize poolsize windowsize",
    "stride": "strides",
    "padding": "pad paddings",
    "outputs": "filters neurons nout outfeatures units",
}
OPTION_HABITS: dict[str, tuple[str, ...]] = {}
for _ours, _names in _OPTIONS_ELSEWHERE.items():
    for _name in _names.split():
        OPTION_HABITS[_name] = (*OPTION_HABITS.get(_name, ()), _ours)

# Field of a closed set -> each value -> what it is called elsewhere, in `plain` writing.
_VALUES_ELSEWHERE = {
    "loss": {
        "cross-entropy": "categoricalcrossentropy ce celoss crossentropyloss logloss nll nllloss "
        "softmax softmaxcrossentropy softtargetcrossentropy sparsecategoricalcrossentropy xent",
        "bce": "bceloss bcewithlogits bcewithlogitsloss binarycrossentropy sigmoid",
        "focal": "fl focalloss sigmoidfocalloss",
    },
    "precision": {
        "bfloat16": "16 16mixed amp bf16 bf16mixed bf16true fp16 float16 half mixed on true "
        "mixedfloat16 mixedbfloat16 torchbfloat16 torchfloat16",
        "float32": "32 32true fp32 false full no none off single torchfloat32",
    },
    "sched": {
        "constant": "constantlr false fixed no none off",
        "step": "steplr",
        "multi-step": "multisteplr",
        "exponential": "exp exponentiallr",
        "plateau": "reducelronplateau reduceonplateau",
        "cosine": "cos cosineannealing cosineannealinglr cosinedecay cosinelr",
        "one-cycle": "1cycle onecyclelr",
    },
    "opt": {
        "sgd": "momentum nesterov sgdm sgdmomentum sgdnesterov",
        "adamw": "adamwd fusedadamw",
        "adam": "fusedadam",
        "rmsprop": "rmsproptf",
        "lbfgs": "bfgs",
        **dict.fromkeys(("adadelta", "adagrad", "adamax", "asgd", "muon", "rprop"), ""),
    },
    "tune": {
        "all": "everything false finetune full none",
        "head": "classifier fc featureextraction features last lastlayer linear linearprobe true",
        "dense": "classifierlayers fclayers",
    },
    "fit": {
        "crop": "center centercrop centrecrop resizecrop",
        "pad": "letterbox padding",
        "stretch": "resize squash squish warp",
    },
    "sampler": {
        "shuffle": "default random randomsampler",
        "balanced": "weighted weightedrandomsampler",
    },
    "class_weights": {
        "balanced": "auto balance inverse true",
        "none": "false no off uniform",
    },
    "initialization": {
        "kaiming": "he henormal heuniform kaimingnormal kaiminguniform",
        "xavier": "glorot glorotnormal glorotuniform xaviernormal xavieruniform",
        "lecun": "lecunnormal lecununiform",
        "pytorch": "default torch",
        "normal": "gaussian randomnormal",
        "dirac": "delta eye identity",
    },
    "policy": {
        "randaugment": "ra rand randaug randaugmentation",
        "trivialaugment": "ta tawide trivialaugmentwide",
        "none": "false no off",
    },
    "device": {"cpu": "false no off", GPU: "gpu on true yes"},
    "weights": {
        "published": "default imagenet imagenet1k imagenet1kv1 imagenet1kv2 on pretrained true yes"
    },
}
VALUE_HABITS = {
    field: {name: ours for ours, names in values.items() for name in (plain(ours), *names.split())}
    for field, values in _VALUES_ELSEWHERE.items()
}

OF_SIDES = ("img_size", "input_text", "size", "stride", "padding", "dilation", "slide")  # 3x5
OF_A_GPU = ("gpu", "gpuid", "gpuids")  # flags that take the number of a GPU
NUM_GPUS = ("devices", "gpus", "ngpu", "numgpus")  # flags that take a number of GPUs
_TRUTHS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_DIGITS = {"1": True, "0": False}


class Setting(NamedTuple):
    """A field or option that was likely meant.

    Attributes:
        name: The field.
        value: The value that says what was meant; None where the user's own does.
    """

    name: str
    value: str | None = None


def settings_for(name: str) -> tuple[Setting, ...]:
    """What may be meant by what other tools call `name`, options of verbs first."""
    given = plain(name)
    meant = (*OPTION_HABITS.get(given, ()), *([HABITS[given]] if given in HABITS else []))
    parts = (each.partition("=") for each in meant)
    return tuple(Setting(field, value or None) for field, _, value in parts)


def gpu_setting(name: str, value: object) -> Setting | None:
    """The device meant by `gpu=0` (a GPU's number) or `gpus=1` (how many); None for others."""
    number = str(value)
    if not (number.isascii() and number.isdigit()):
        return None
    if plain(name) in OF_A_GPU:
        return Setting("device", f"{GPU}:{number}")
    if plain(name) in NUM_GPUS:
        return Setting("device", GPU if int(number) else "cpu")
    return None


def num_gpus(name: str, value: object) -> int:
    """How many GPUs are meant by `gpus=2` or `gpus=0,1`; 0 where none are counted."""
    if plain(name) not in (*NUM_GPUS, *OF_A_GPU):
        return 0
    text = str(value)
    if re.search(r"\d\s*,\s*\d", text):
        return text.count(",") + 1
    return int(text) if plain(name) in NUM_GPUS and re.fullmatch(r"\d{1,4}", text) else 0


def usual_value(field: str, value: str) -> str | None:
    """The value of a field for what other tools call it; None where nothing is known of it."""
    if field == "device" and value.isascii() and value.isdigit():
        return f"{GPU}:{value}"
    if field in OF_SIDES and re.fullmatch(r"\W*\d+(\s*,\s*\d+)+\W*", value):
        return "x".join(re.findall(r"\d+", value))
    if field == "weights" and exists(value):
        return None
    usual = VALUE_HABITS.get(field, {}).get(plain(value))
    return None if usual == value else usual


def truth_of(value: object, *, digits: bool = False) -> bool | None:
    """Whether a value says yes or no; None if it says something else.

    Args:
        value: What was given.
        digits: Whether 1 and 0 say it, too.
    """
    text = str(value).lower()
    return _TRUTHS.get(text, _DIGITS.get(text) if digits else None)


def likely_field(name: str, known: Iterable[str], value: object = True) -> str | None:
    """A hint that names the field which was likely meant by another name; None if none was.

    Args:
        name: What a user gave, in a recipe or as a keyword argument.
        known: The fields, or a function's arguments.
        value: The value that it was given.
    """
    own = {plain(each): each for each in known}
    if plain(name) in own:
        return f"did you mean `{own[plain(name)]}`?"
    if "device" in own and (count := num_gpus(name, value)) > 1:
        return f"several GPUs take a process each: `torchrun --nproc-per-node {count} ...`"
    gpu = gpu_setting(name, value)
    if gpu is not None and gpu.name in own:
        return f'did you mean `{gpu.name}="{gpu.value}"`?'
    for setting in settings_for(name):
        if plain(setting.name) in own:
            return _field_hint(setting, value)
    if plain(name).startswith("no"):
        meant = plain(name)[2:]
        if meant in own or any(plain(each.name) in own for each in settings_for(meant)):
            return "leave it out"
    return did_you_mean(name, own.values())


def _field_hint(setting: Setting, value: object) -> str:
    if setting.value is None:
        return f"did you mean `{setting.name}`?"
    if value is None or truth_of(value, digits=True) is False:
        usual = usual_value(setting.name, "false")
        is_other = usual not in (None, setting.value)
        return f'did you mean `{setting.name}="{usual}"`?' if is_other else "leave it out"
    return f'did you mean `{setting.name}="{setting.value}"`?'
