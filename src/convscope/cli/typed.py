"""The command line as it was typed, to be repeated."""

from __future__ import annotations

import shlex
from collections.abc import Collection

import click
from click.core import ParameterSource


def typed(context: click.Context, verb: str, *, without: Collection[str]) -> str:
    """The command as it was typed, for a verb that has the same flags but for some."""
    words = ["convscope", verb]
    for parameter in context.command.params:
        name = parameter.name or ""
        given = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if not given or name in without:
            continue
        value = context.params[name]
        if isinstance(parameter, click.Option):
            words.append(next(name for name in parameter.opts if name.startswith("--")))
        if isinstance(value, tuple):
            words += [str(each) for each in value]
        elif value is not True:
            words.append(str(value))
    return shlex.join(words)
