"""Options: the parameters of a record as command-line options."""

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import click

from dipfolio.engine.parameter import Parameter, parameters
from dipfolio.errors import StrategyError

if TYPE_CHECKING:
    from dipfolio.engine.account import Account

DATA_HELP = "folder or file of figures  [default: data/cache if it has all symbols, else data]"
"""Of the option ``--data`` of every command that has it."""


class Day(click.ParamType):  # type: ignore[type-arg, unused-ignore]  # generic only in later versions
    """A date such as 2025-01-27."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Text to a date."""
        try:
            return value if isinstance(value, date) else date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no date; write it as 2025-01-27.", param, ctx)


class OrNone(click.ParamType):  # type: ignore[type-arg, unused-ignore]  # generic only in later versions
    """A value of another kind, or the word none, which switches the parameter off."""

    def __init__(self, kind: Any) -> None:
        self.kind = click.types.convert_type(kind)
        self.name = f"{self.kind.name}|none"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Text to a value or None."""
        return None if str(value).lower() == "none" else self.kind.convert(value, param, ctx)


class Benchmark(click.ParamType):  # type: ignore[type-arg, unused-ignore]  # generic only in later versions
    """A symbol, or the word none, which becomes an empty one."""

    name = "symbol|none"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ARG002
        """Text to a symbol."""
        return "" if str(value).lower() == "none" else str(value)


class SectionedOption(click.Option):
    """An option that stands under a heading of its own in the help."""

    def __init__(self, *args: Any, section: str, **kwargs: Any) -> None:
        self.section = section
        super().__init__(*args, **kwargs)


class SectionedCommand(click.Command):
    """A command whose help lists its options by section."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """One list for each section, in the order in which they were defined."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record and isinstance(param, click.Option):  # of arguments the first line says enough
                sections.setdefault(getattr(param, "section", "Other"), []).append(record)
        for heading, records in sections.items():
            with formatter.section(heading):
                formatter.write_dl(records)


def options_of(record: type, section: str) -> list[click.Option]:
    """An option for each parameter of a dataclass, under one heading."""
    return [_option(item, section) for item in parameters(record)]


def _option(item: Parameter, section: str) -> click.Option:
    common: dict[str, Any] = {"default": item.default, "help": item.help, "section": section, "show_default": True}
    if item.kind is bool:
        return SectionedOption([f"--{item.flag}/--no-{item.flag}", item.name], **common)
    kind: Any = click.Choice(item.choices) if item.choices else Day() if item.kind is date else item.kind
    kind = OrNone(kind) if item.optional else kind
    return SectionedOption([f"--{item.flag}", item.name], type=kind, **common)


def refuse_taken(name: str, own: Sequence[click.Option], general: Sequence[click.Option]) -> None:
    """See that no parameter of a strategy has the name of another option.

    Raises
    ------
    StrategyError
    """
    flags = {flag for option in general for flag in (*option.opts, *option.secondary_opts)} | {"--help"}
    for option in own:
        taken = flags & {*option.opts, *option.secondary_opts}
        if taken:
            parameter = sorted(taken)[0].removeprefix("--").replace("-", "_")
            raise StrategyError(f"{name}: the parameter {parameter!r} has the name of a general option; choose another.")


def account_of(values: dict[str, Any]) -> "Account":
    """The account that the options describe, without its costs if that was asked for."""
    from dipfolio.engine.account import Account

    account = Account(**{item.name: values[item.name] for item in parameters(Account)})
    return account.without_costs() if values["no_costs"] else account
