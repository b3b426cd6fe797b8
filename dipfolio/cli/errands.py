"""Errands: the strategies that one command line names, each with the parameters given to it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from dipfolio.engine import catalogue
from dipfolio.errors import ParameterError

if TYPE_CHECKING:
    from dipfolio.engine.idea import Idea

QUIET = ("data", "reports", "as_json", "force", "more")
"""Options that do not matter to the result."""


@dataclass(frozen=True, kw_only=True)
class Errand:
    """A strategy to run, and the options given that differ from their defaults, which name its report."""

    strategy: "Idea"
    changed: dict[str, Any]


def errands(context: click.Context, first: "type[Idea]", values: dict[str, Any]) -> list[Errand]:
    """One for each strategy named, in that order.

    Parameters
    ----------
    context : Context
        Of the command of the first strategy, whose options it has.
    first : type
    values : dict
        Of all options; ``more`` holds the names of further strategies. A parameter given is given to all.

    Raises
    ------
    ParameterError
        A strategy named twice, or a parameter given that not all of the strategies have.
    """
    kinds = [first]
    for name in values["more"]:
        kind = catalogue.load_strategy(context.obj.strategies, name)
        if kind in kinds:
            raise ParameterError(f"{name} is named twice.")
        kinds.append(kind)
    return [_errand(context, first, kind, values) for kind in kinds]


def _errand(context: click.Context, first: "type[Idea]", kind: "type[Idea]", values: dict[str, Any]) -> Errand:
    from dipfolio.engine.parameter import parameters

    own = {item.name: item.default for item in parameters(kind)}
    of_first = [item.name for item in parameters(first)]
    given = [name for name in values if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE]
    for name in of_first:
        if name in given and name not in own:
            raise ParameterError(
                f"--{name.replace('_', '-')} is no parameter of {kind().name}; with several strategies only what all of them "
                "have can be given. Run each by itself, then: python backtest.py compare"
            )
    defaults = own | {param.name: param.default for param in context.command.params if param.name not in of_first}
    strategy = kind(**{name: values[name] for name in own if kind is first or name in given})
    changed = {
        name: values[name] for name, default in defaults.items()
        if name in given and name not in QUIET and values[name] != default
    }  # fmt: skip
    return Errand(strategy=strategy, changed=changed)
