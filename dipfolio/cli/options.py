"""Command-line options, made from the parameters of a strategy or an account.

It also reads which strategies one command line names, each with the parameters given for it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dipfolio.cli.workspace import warn_once
from dipfolio.data.universe import canonical_universe, resolve
from dipfolio.engine import loader
from dipfolio.engine.parameters import Parameter, list_parameters
from dipfolio.errors import DipfolioError, ParameterError, StrategyError

if TYPE_CHECKING:
    from dipfolio.data.bars import Bars
    from dipfolio.data.risk_free import RiskFree
    from dipfolio.engine.account import Account
    from dipfolio.engine.strategy import StrategyBase


RESERVED_OPTIONS = frozenset(
    {
        "all", "also", "as-json", "benchmark", "broker", "cash-rate", "claim", "currency", "dask-local", "data", "end", "export",
        "factors", "force", "help", "hindsight", "jobs", "json", "less-than", "lots", "measure", "more", "more-than", "name",
        "no-costs", "no-page", "no-robustness", "open", "rank-by", "replace", "reports", "resume", "risk-free", "scheduler",
        "seed", "split", "start", "tax-dividends", "tax-long", "tax-short", "verify", "walk-forward", "walk-window",
    }
)  # fmt: skip
"""Options of run, sweep, evidence and predict: no parameter has such a name, so that all of them take the same strategies."""

DATA_HELP = (
    "folder or file of data, or arch: the indices ^GSPC and ^IXIC of 1999 to 2018  [default: data/cache if it has all symbols, "
    "else data]"
)
"""Of the option ``--data`` of every command that has it."""


CURRENCY_HELP = "of the account, such as USD; prices in others are converted by fx/ of the data  [default: that of the prices]"
"""Of the option ``--currency`` of every command that has it."""


class CurrencyType(click.ParamType):  # type: ignore[type-arg, unused-ignore]  # generic only in later versions
    """A currency such as USD."""

    name = "code"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The code in capitals."""
        code = value.strip().upper()
        if len(code) != 3 or not (code.isascii() and code.isalpha()):
            self.fail(f"{value!r} is no currency; write a code of three letters such as USD or GBP.", param, ctx)
        return code


class DateType(click.ParamType):  # type: ignore[type-arg, unused-ignore]  # generic only in later versions
    """A date such as 2024-12-31."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Text to a date."""
        try:
            return value if isinstance(value, date) else date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no date; write it as 2024-12-31.", param, ctx)


class YearOrDateType(DateType):
    """A date, or a year, which stands for its first day."""

    name = "date|year"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Text to a date."""
        is_year = isinstance(value, str) and len(value) == 4 and value.isdecimal()
        return super().convert(f"{value}-01-01" if is_year else value, param, ctx)


class OptionalType(click.ParamType):  # type: ignore[type-arg, unused-ignore]  # generic only in later versions
    """A value of another kind, or the word none, which switches the parameter off."""

    def __init__(self, kind: Any) -> None:
        self.kind = click.types.convert_type(kind)
        self.name = f"{self.kind.name}|none"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Text to a value or None."""
        return None if str(value).lower() == "none" else self.kind.convert(value, param, ctx)


class RateType(click.ParamType):  # type: ignore[type-arg, unused-ignore]  # generic only in later versions
    """A rate a year as a fraction, 0.003, or as per cent, 0.3%."""

    name = "rate"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Text to a fraction; how one without the sign of per cent was understood is reported on standard error."""
        if not isinstance(value, str):
            return float(value)
        from dipfolio.data.risk_free import describe_interpretation, parse_rate

        flag = param.opts[0] if param else "the rate"
        try:
            rate = parse_rate(value, flag)
        except ParameterError as error:
            self.fail(str(error), param, ctx)
        except ValueError:
            self.fail(f"{value!r} is no rate a year; write it as 0.003 or 0.3%.", param, ctx)
        warn_once(describe_interpretation(value, rate, flag))
        return rate


class FractionType(click.ParamType):  # type: ignore[type-arg, unused-ignore]  # generic only in later versions
    """A part of something as a fraction, 0.01, or as per cent, 1%."""

    name = "fraction"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Text to a fraction; a number of 1 and more without the sign of per cent is refused."""
        if not isinstance(value, str):
            return float(value)
        text = value.strip()
        try:
            number = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        except ValueError:
            number = math.nan
        if not abs(number) < math.inf:
            self.fail(f"{value!r} is no fraction; write it as 0.01 or 1%.", param, ctx)
        if abs(number) >= 1 and not text.endswith("%"):
            self.fail(f"{value!r} may be a fraction or per cent; write it as {number / 100:g} or {number:g}%.", param, ctx)
        return number


class TaxRateType(FractionType):
    """A tax rate from 0 to under 1 as a fraction, 0.37, or as per cent, 37%."""

    name = "rate"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Text to a fraction."""
        rate = super().convert(value, param, ctx)
        if not 0 <= rate < 1:
            self.fail(f"{value!r} is no tax rate from 0 to under 1; write it as 0.37 or 37%.", param, ctx)
        return rate


class BenchmarkType(click.ParamType):  # type: ignore[type-arg, unused-ignore]  # generic only in later versions
    """A symbol, which becomes one in capitals, or the word none, which becomes an empty one."""

    name = "symbol|none"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ARG002
        """Text to a symbol."""
        return "" if str(value).lower() == "none" else str(value).upper()


class SymbolsType(click.ParamType):  # type: ignore[type-arg, unused-ignore]  # generic only in later versions
    """Symbols with commas between, which become a tuple in capitals, or the word none, which becomes an empty one."""

    name = "symbols|none"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:  # noqa: ARG002
        """Text to symbols, each once."""
        if isinstance(value, tuple):
            return value
        words = [word.strip().upper() for word in str(value).split(",")]
        return () if words == ["NONE"] else tuple(dict.fromkeys(word for word in words if word))


class UniverseType(click.ParamType):  # type: ignore[type-arg, unused-ignore]  # generic only in later versions
    """A group of symbols or symbols, in one spelling, so that a run has one name and one record however it was typed."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ARG002
        """Text to a universe; one that cannot be stays as it was typed, for the message that refuses it."""
        try:
            resolve(str(value))
        except DipfolioError:
            return str(value)
        return canonical_universe(str(value))


class FolderType(click.Path):
    """A folder to write into, which need not exist; a file in its place, or in that of a parent, is a mistake of the user."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Text to a path."""
        folder = Path(str(super().convert(value, param, ctx)))
        nearest = next((place for place in (folder, *folder.parents) if place.exists()), None)
        if nearest is not None and not nearest.is_dir():
            self.fail(f"{str(nearest)!r} is a file; name a folder.", param, ctx)
        return folder


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
    return [_option(item, section) for item in list_parameters(record)]


def _option(item: Parameter, section: str) -> click.Option:
    common: dict[str, Any] = {"default": item.default, "help": item.help, "section": section, "show_default": True}
    if item.kind is bool:
        return SectionedOption([f"--{item.flag}/--no-{item.flag}", item.name], **common)
    kind: Any = click.Choice(item.choices) if item.choices else DateType() if item.kind is date else item.kind
    kind = UniverseType() if item.name == "universe" and item.kind is str and not item.choices else kind
    kind = RateType() if section == "Account" and item.name.endswith(("_rate", "_spread")) else kind
    kind = OptionalType(kind) if item.optional else kind
    return SectionedOption([f"--{item.flag}", item.name], type=kind, **common)


def refuse_reserved_options(name: str, strategy_options: Sequence[click.Option], general: Sequence[click.Option]) -> None:
    """See that no parameter of a strategy has the name of another option, of this command or of another one.

    Raises
    ------
    StrategyError
    """
    from dipfolio.engine.account import Account

    flags = {flag for option in general for flag in (*option.opts, *option.secondary_opts)}
    flags |= {f"--{word}" for word in RESERVED_OPTIONS | {item.flag for item in list_parameters(Account)}}
    for option in strategy_options:
        taken = flags & {*option.opts, *option.secondary_opts}
        if taken:
            parameter = sorted(taken)[0].removeprefix("--").replace("-", "_")
            raise StrategyError(f"{name}: the parameter {parameter!r} has the name of a general option; choose another.")


def account_options() -> list[click.Option]:
    """The options of the account: the kind of broker, and each setting."""
    from dipfolio.engine.account import BROKERS, DEFAULT_BROKER, Account

    broker = SectionedOption(
        ["--broker"],
        type=click.Choice(list(BROKERS)),
        default=DEFAULT_BROKER,
        show_default=True,
        section="Account",
        help="whose commissions and fees are charged; options of the account that are given win over it",
    )
    return [broker, *options_of(Account, "Account")]


def _broker_charges(values: dict[str, Any]) -> dict[str, Any]:
    """The settings of the account that the chosen broker decides, and no option on the command line."""
    from dipfolio.engine.account import BROKERS

    source = click.get_current_context().get_parameter_source
    charges = BROKERS[values["broker"]].values
    return {name: value for name, value in charges.items() if source(name) is not click.core.ParameterSource.COMMANDLINE}


def account_of(values: dict[str, Any]) -> "Account":
    """The account that the options describe, without its costs if that was asked for."""
    from dipfolio.engine.account import Account

    account = Account(**{**{item.name: values[item.name] for item in list_parameters(Account)}, **_broker_charges(values)})
    account = account.without_costs() if values["no_costs"] else account
    return account if values.get("cash_rate") else account.with_usual_spreads()


def cash_rate_option() -> click.Option:
    """The option for the rate by which cash earns and pays interest; it stands with those of the account."""
    return SectionedOption(
        ["--cash-rate"],
        section="Account",
        metavar="RATE|CSV|SYMBOL",
        help="a year, by which cash earns and pays interest: 0.043 or 4.3%, a CSV of dates and rates such as FRED's DTB3, or a "
        "series of the data folder such as ^IRX; also the riskless rate, unless --risk-free is given  [default: none, cash earns "
        "nothing and owes --debit-rate]",
    )


def cash_rate_of(values: dict[str, Any], symbols: tuple[str, ...]) -> "RiskFree | None":
    """The rate that ``--cash-rate`` names, None without it; how it was understood is said on standard error.

    Raises
    ------
    ParameterError
        A spread on it without it, a fixed debit rate beside it, or what is no rate.
    DataError
        A file or a series that cannot be read.
    """
    from dipfolio.engine.costs import SPREADS

    context = click.get_current_context()
    given = [name for name in values if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE]
    if values["cash_rate"] is None:
        alone = next((name for name in SPREADS if name in given), None)
        if alone:
            raise ParameterError(
                f"--{alone.replace('_', '-')} is a spread on --cash-rate; give that too, such as --cash-rate ^IRX."
            )
        return None
    if "debit_rate" in given:
        raise ParameterError("--debit-rate is fixed; with --cash-rate negative cash pays that rate and --debit-spread. Give one.")
    rate: RiskFree = context.obj.cash_rate(values["cash_rate"], values["data"], symbols)
    warn_once(rate.interpretation)
    return rate


MAX_CASH_RATE_AGE = 30
"""Calendar days after which it is said that the last rate of a file is old."""


def with_cash_rate(bars: "Bars", rate: "RiskFree | None") -> "Bars":
    """The bars with a rate of interest, if there is one; that it ends long before them is said on standard error."""
    if rate is None:
        return bars
    if len(rate.rates) > 1 and len(bars) and (bars.sessions[-1] - rate.rates.index[-1]).days > MAX_CASH_RATE_AGE:
        last = rate.rates.index[-1].date()
        warn_once(f"The rates of {rate.description} end on {last}; the last one is used until {bars.sessions[-1].date()}.")
    return bars.with_cash_rate(rate)


def risk_free_of(values: dict[str, Any], account: "Account", cash_rate: "RiskFree | None") -> "RiskFree":
    """The riskless rate of the ratios: that of ``--risk-free``, or else what idle cash earns by ``--cash-rate``."""
    from dipfolio.data.risk_free import parse_risk_free

    named = click.get_current_context().get_parameter_source("risk_free") is click.core.ParameterSource.COMMANDLINE
    rate = parse_risk_free(values["risk_free"]) if named or cash_rate is None else account.riskless_rate(cash_rate)
    warn_once(rate.interpretation)
    return rate


OUTPUT_OPTIONS = (
    "all", "also", "open", "data", "factors", "reports", "as_json", "force", "more", "hindsight", "no_robustness", "export"
)  # fmt: skip
"""Options that do not matter to the numbers of the account."""


@dataclass(frozen=True, kw_only=True)
class StrategyRun:
    """A strategy to run, and the options given that differ from their defaults, which name its report."""

    strategy: "StrategyBase"
    changed: dict[str, Any]


def strategy_runs(context: click.Context, first: "type[StrategyBase]", values: dict[str, Any]) -> list[StrategyRun]:
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
        kind = loader.load_strategy(context.obj.strategies, name)
        if kind in kinds:
            raise ParameterError(f"{name} is named twice.")
        kinds.append(kind)
    return [_strategy_run(context, first, kind, values) for kind in kinds]


def _strategy_run(
    context: click.Context, first: "type[StrategyBase]", kind: "type[StrategyBase]", values: dict[str, Any]
) -> StrategyRun:
    from dipfolio.engine.account import BROKERS
    from dipfolio.engine.parameters import list_parameters

    parameters = {item.name: item.default for item in list_parameters(kind)}
    of_first = [item.name for item in list_parameters(first)]
    given = [name for name in values if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE]
    for name in of_first:
        if name in given and name not in parameters:
            raise ParameterError(
                f"--{name.replace('_', '-')} is no parameter of {kind().name}; with several strategies only what all of them "
                "have can be given. Run each by itself, then: python backtest.py compare"
            )
    defaults = parameters | {param.name: param.default for param in context.command.params if param.name not in of_first}
    defaults |= BROKERS[values["broker"]].values
    usual_rate = "risk_free" if values["cash_rate"] else ""  # whose default is then another one than that of the option
    strategy = kind(**{name: values[name] for name in parameters if kind is first or name in given})
    changed = {
        name: values[name] for name, default in defaults.items()
        if name in given and name not in OUTPUT_OPTIONS and (values[name] != default or name == usual_rate)
    }  # fmt: skip
    return StrategyRun(strategy=strategy, changed=changed)
