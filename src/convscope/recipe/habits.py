"""What other tools call the fields of a recipe, so that their users are told our names.

From the command lines of timm, torchvision's references and Ultralytics, and from Keras and fastai.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from convscope.text import did_you_mean, plain

# Field, or field and value -> names elsewhere, in `plain` writing: `--num-epochs` is `numepochs`.
_ELSEWHERE = {
    "data": "dataset datadir datapath dataroot imagedir images input inputdir path root rootdir "
    "source traindata traindir trainpath",
    "path_column": "imagecolumn imagecol filecolumn filenamecolumn xcol",
    "label_column": "classcolumn labelcol labelscolumn targetcolumn ycol",
    "img_size": "cropsize dim imagesize imsize inputsize resize resolution size traincropsize "
    "targetsize imgheight",
    "fit": "cropmode resizemode",
    "model": "arch architecture backbone modelname net network networkname",
    "weights": "checkpointpath ckpt initialcheckpoint initialweights init modelweights "
    "pretrainedpath pretrainedweights statedict weightsfile",
    "weights=published": "pretrained imagenet usepretrained",
    "tune=head": "freeze freezebackbone frozen linearprobe trainhead",
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
    "precision=bfloat16": "bf16 fp16 half mixedprecision float16 bfloat16",
    "deterministic": "reproducible",
    "sync_batch_norm": "syncbn",
    "opt": "optim optimizer optimiser optname optimizername",
    "lr": "learningrate lr0 baselr initiallr maxlr lrate eta",
    "lr=auto": "lrfind lrfinder findlr autolr",
    "betas": "beta beta1 beta2 optbetas",
    "eps": "epsilon opteps",
    "weight_decay": "decay l2 l2reg optweightdecay weightdecayrate",
    "clip_norm": "clipgrad clipgradnorm gradclip gradclipnorm gradientclip gradientclipval maxnorm "
    "maxgradnorm",
    "ema": "emadecay modelema modelemadecay",
    "sched": "lrsched lrscheduler schedule scheduler lrschedule lrpolicy",
    "sched=cosine": "coslr cosinelr cosine",
    "warmup_epochs": "lrwarmup lrwarmupepochs warmup warmupep",
    "step_epochs": "lrstepsize stepsize decayepochs",
    "gamma": "lrgamma decayrate",
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
    "erase": "erasing randomerase randomerasing reprob",
    "policy": "aa autoaugment augment augmentation randaug",
    "mixup": "mixupalpha",
    "cutmix": "cutmixalpha",
}
HABITS = {name: ours for ours, names in _ELSEWHERE.items() for name in names.split()}

# Flag or argument that is no field of a recipe, by its name in Python -> names elsewhere.
_FLAGS_ELSEWHERE = {
    "workers": "cpus j jobs nproc njobs numthreads numworkers nworkers threads",
    "output": "dest destination o out outdir outfile outputdir outputfile outputfolder outputpath "
    "save savedir savepath saveto",
    "folder": "dest destination o out outdir output outputdir outputfolder savedir saveto",
    "project": "dest destination o out outdir output outputdir outputfolder savedir saveto",
    "name": "exp expname experiment runid runname",
    "fresh": "force overwrite restart scratch",
    "top": "k topk",
    "min_confidence": "conf confidence confthres minconf minprob thresh threshold",
    "tta": "testtimeaugmentation",
    "target": "class classname label targetclass",
    "layer": "camlayer gradcamlayer targetlayer",
    "layers": "layer layername targetlayer",
    "target_error": "alpha maxerror",
    "as_json": "tojson",
    "quiet": "silent noprogress",
    "reporter": "noprogress progress progressbar quiet silent verbose verbosity",
    "language": "lang locale",
    "run": "checkpoint ckpt m model modelpath rundir weights",
    "images": "file files i image img imgs input inputs path source",
    "networks": "arch m model net network",
    "input_shape": "imagesize imgsize imgsz input inputsize shape size",
    "num_classes": "classes nc nclasses numlabels numoutputs outputs",
    "input": "imagesize imgsize imgsz inputshape inputsize shape size",
}
FLAG_HABITS: dict[str, tuple[str, ...]] = {}
for _ours, _names in _FLAGS_ELSEWHERE.items():
    for _name in _names.split():
        FLAG_HABITS[_name] = (*FLAG_HABITS.get(_name, ()), _ours)

NUM_GPUS = ("gpus", "ngpu", "numgpus")  # elsewhere, names for a number of GPUs
OF_A_GPU = ("gpu", "gpuid", "gpuids")  # elsewhere, names for the number of a GPU


class Setting(NamedTuple):
    """A field, or flag, that was likely meant.

    Attributes:
        name: The field.
        value: The value that says what was meant; None where the user's own does.
    """

    name: str
    value: str | None = None


def usual_setting(name: str) -> Setting | None:
    """The field for what other tools call `name`; None if none of them has it."""
    ours = HABITS.get(plain(name))
    if ours is None:
        return None
    field, _, value = ours.partition("=")
    return Setting(field, value or None)


def likely_field(name: str, known: Iterable[str], value: object = None) -> str | None:
    """A hint that names the field which was likely meant by another name; None if none was.

    Args:
        name: What a user gave, in a recipe or as a keyword argument.
        known: The fields, and the names of other arguments.
        value: Its value.
    """
    own = {plain(each): each for each in known}
    given, setting = plain(name), usual_setting(name)
    arguments = (own[plain(ours)] for ours in FLAG_HABITS.get(given, ()) if plain(ours) in own)
    meant = next(arguments, None) if given not in own else None
    if meant is not None:
        return f"did you mean `{meant}`?"
    if given in own or setting is None or setting.name not in own.values():
        return did_you_mean(name, own.values())
    if setting.name == "device" and type(value) is int:
        return _of_gpus(given, value, setting.value or "")
    if setting.value is None:
        return f"did you mean `{setting.name}`?"
    return f'did you mean `{setting.name}="{setting.value}"`?'


def _of_gpus(given: str, number: int, device: str) -> str:
    """The hint for `gpu=0` and `gpus=2`."""
    if given in OF_A_GPU:
        return f'did you mean `device="{device}:{number}"`?'
    if given in NUM_GPUS and number > 1:
        return f"several GPUs take a process each: `torchrun --nproc-per-node {number} ...`"
    return f'did you mean `device="{device if number else "cpu"}"`?'
