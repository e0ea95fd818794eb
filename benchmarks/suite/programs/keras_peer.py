"""Keras with the torch backend, as its documentation shows: `compile` and `fit` on arrays.

The best flags are batches of 512 with `CosineDecay`.
"""

from __future__ import annotations

import gzip
import os
import time
from pathlib import Path
from typing import Any

os.environ["KERAS_BACKEND"] = "torch"

import plain
import work

PACKAGES = ("torch", "keras")


def _arrays(folder: str, kind: str) -> tuple[Any, Any]:
    """Images (N, 28, 28, 1) of 0 to 1, and labels, from idx files."""
    import numpy as np

    def read(name: str, header: int) -> Any:
        path = Path(folder) / f"{name}.gz"
        data = (
            gzip.decompress(path.read_bytes())
            if path.exists()
            else path.with_suffix("").read_bytes()
        )
        return np.frombuffer(data, np.uint8, offset=header)

    images = read(f"{kind}-images-idx3-ubyte", 16).reshape(-1, 28, 28, 1)
    return images.astype("float32") / 255, read(f"{kind}-labels-idx1-ubyte", 8).astype("int64")


def _lenet5() -> Any:
    from keras import Input, Sequential, layers

    return Sequential(
        [
            Input((28, 28, 1)),
            layers.Conv2D(6, 5, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(16, 5, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(120, activation="relu"),
            layers.Dense(84, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )


def _resnet20() -> Any:
    """With shortcuts that subsample and pad, behind crops and mirror images."""
    from keras import Input, Model, layers, ops

    def unit(x: Any, channels: int, stride: int) -> Any:
        x = layers.Conv2D(channels, 3, strides=stride, padding="same", use_bias=False)(x)
        return layers.BatchNormalization(momentum=0.9)(x)

    inputs = Input((28, 28, 1))
    x = layers.RandomFlip("horizontal")(layers.RandomCrop(28, 28)(layers.ZeroPadding2D(2)(inputs)))
    x = layers.ReLU()(unit(x, 16, 1))
    before = 16
    for channels in [16] * 3 + [32] * 3 + [64] * 3:
        stride = channels // before
        shortcut = x
        if stride == 2:
            added = before // 2
            shortcut = ops.pad(x[:, ::2, ::2, :], ((0, 0), (0, 0), (0, 0), (added, added)))
        y = unit(layers.ReLU()(unit(x, channels, stride)), channels, 1)
        x = layers.ReLU()(layers.Add()([y, shortcut]))
        before = channels
    x = layers.GlobalAveragePooling2D()(x)
    return Model(inputs, layers.Dense(10, activation="softmax")(x))


def digits(settings: dict[str, Any]) -> None:
    """MNIST or Fashion-MNIST: Adam, batches of 128; or 512 with a cosine."""
    import keras

    best = settings["flags"] == "best"
    batch = settings.get("batch") or (512 if best else 128)
    images, labels = _arrays(settings["data"], "train")
    tests = _arrays(settings["data"], "t10k")
    model = _resnet20() if settings["network"] == "resnet20" else _lenet5()
    rate: Any = 1e-3
    if best:
        planned = settings.get("planned_epochs", settings["epochs"])
        rate = keras.optimizers.schedules.CosineDecay(4e-3, planned * -(-len(images) // batch))
    model.compile(
        optimizer=keras.optimizers.Adam(rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )

    def epoch(_: int) -> float:
        began = time.perf_counter()
        model.fit(images, labels, batch_size=batch, epochs=1, verbose=0)
        return time.perf_counter() - began

    plain.train_until(
        settings,
        epoch=epoch,
        measure=lambda: float(model.evaluate(*tests, batch_size=1000, verbose=0)[1]),
        packages=PACKAGES,
    )


if __name__ == "__main__":
    work.main({"digits": digits})
