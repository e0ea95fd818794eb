"""Steps from one value back to what it is made of."""

from __future__ import annotations

from dataclasses import replace

from convscope.errors import NetworkError
from convscope.inspection.explaining_norms import NORMALISING
from convscope.inspection.explaining_sums import SUMMING
from convscope.inspection.explaining_values import BY_VALUE, is_pointwise, pointwise
from convscope.inspection.explaining_windows import WINDOWED
from convscope.inspection.explanation import Explain, Explanation
from convscope.inspection.layers import quoted
from convscope.inspection.moving import origin
from convscope.inspection.recording import Recorded, Value
from convscope.inspection.terms import Indices, Step

EXPLANATIONS: dict[str, Explain] = WINDOWED | SUMMING | NORMALISING | BY_VALUE

# What works value by value and is no activation: it is followed back even where values meet.
ARITHMETIC = {"add", "sub", "mul", "div", "neg", "pow", "square", "sqrt", "rsqrt", "reciprocal"}


def explained(value: Value, index: Indices, *, is_joined: bool = False) -> Step:
    """The step that gave a value, with the steps that led to it.

    Args:
        value: The tensor.
        index: (D, 1) which of its values.
        is_joined: Whether it meets another value: then it is followed through normalisation, but
            not into the layers before the last activation.

    Raises:
        NetworkError: An operation on the way has no explanation.
    """
    found = origin(value, index)
    source = found.value.source
    is_padding = bool(found.is_padding[0])
    if source is None or is_padding or not found.value.is_from_image:
        if source is None and found.value.is_from_image and not found.value.is_image:
            raise NetworkError(
                "a feature map was changed in place through a view of it, which can't be followed",
                hint="use operations that give a new tensor",
            )
        kind = "padding" if is_padding else "image" if found.value.is_image else "constant"
        return _reached(kind, "", found.places, float(found.numbers()[0]))
    explanation = _explanation(source, found.value.output, found.places)
    if is_joined and is_pointwise(source) and _ends(source, explanation):
        number = float(found.numbers()[0])
        return _reached("value of an earlier layer", source.layer, found.places, number)
    joins = is_joined or len(explanation.follow) > 1
    sources = tuple(explained(*part, is_joined=joins) for part in explanation.follow)
    return replace(explanation.step, sources=sources)


def _explanation(source: Recorded, output: int, index: Indices) -> Explanation:
    explain = EXPLANATIONS.get(source.name)
    if explain is None and is_pointwise(source):
        explain = pointwise
    try:
        if explain is not None:
            return explain(source, output, index)
    except NotImplementedError:
        pass
    raise NetworkError(
        f"`{source.name}` in {quoted(source.layer)} has no explanation",
        hint="explained are convolutions, dense layers, poolings, sums, normalisation, "
        "concatenation and what works value by value; choose a layer before it",
    )


def _ends(source: Recorded, explanation: Explanation) -> bool:
    """Whether a layer ends here: at its activation, or where it joins another."""
    return source.name not in ARITHMETIC or len(explanation.follow) > 1


def _reached(kind: str, layer: str, index: Indices, number: float) -> Step:
    """A number that is taken as it is."""
    return Step(
        kind=kind,
        rule="choice",
        formula="",
        layer=layer,
        index=tuple(index[1:, 0].tolist()),
        stored=number,
        computed=number,
        scale=abs(number),
    )
