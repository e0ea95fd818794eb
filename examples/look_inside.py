"""From a folder of images to a single multiplication.

A notebook as a script in cells, for VS Code, Spyder, or `jupytext --to ipynb`; `python` runs it
whole. It trains LeNet-5 on scikit-learn's handwritten digits and then looks inside it. Progress is
shown while it trains; `convscope.train?`, or `help(convscope.train)`, describes all that it takes.
"""

# %%
from pathlib import Path

import convscope

RUNS = Path("runs")

# %% [markdown]
# ## Train
# The same call again returns at once where it was interrupted; a finished run gets a new number.

# %%
run = convscope.train("digits", model="lenet5_relu", epochs=6, project=RUNS, name="look-inside")
accuracy = run.evaluation["accuracy"]
low, high = (run.evaluation["accuracy_interval"][end] for end in ("low", "high"))
print(f"accuracy {accuracy:.1%}, 95 % interval {low:.1%} to {high:.1%}")
run  # a notebook shows what the last line of a cell is: here the curves of the training

# %% [markdown]
# ## The data

# %%
dataset = convscope.open_dataset("digits")
dataset

# %% [markdown]
# ## Predict, and explain

# %%
classifier = convscope.load(run.path)
image, label = dataset[3]
prediction = classifier.predict(image)
print(f"true class {dataset.classes[label]}, predicted {prediction.label} ", end="")
print(f"with probability {prediction.probability:.1%}")
convscope.explain(classifier, image, top=1, draws=0)

# %% [markdown]
# ## What the layers cost, and what they see

# %%
print(convscope.receptive_field_of(classifier, "pool2", row=2, column=2))
table = convscope.summarize(run.path)
print(f"{table.parameters:,} parameters, {table.macs:,} MACs")
table

# %% [markdown]
# ## One value, down to its multiplications
# The terms add up to the value that the network computed.

# %%
trace = convscope.trace_value(classifier, image, "conv2", channel=3, row=4, column=5)
print(trace.to_text())

# %% [markdown]
# ## Feature maps

# %%
maps = convscope.activations(classifier, [image], ["conv1"])["conv1"]
print(f"conv1 gives {maps.shape[1]} feature maps of {maps.shape[2]}x{maps.shape[3]}")
