"""``evidence``: whether what one strategy earned is more than luck."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dipfolio.cli.group import StrategyGroup
from dipfolio.cli.home import Home, register_of
from dipfolio.cli.options import DATA_HELP, Benchmark, SectionedCommand, SectionedOption, options_of, refuse_taken
from dipfolio.engine.prints import prints_aside

if TYPE_CHECKING:
    from dipfolio.engine.idea import Idea
    from dipfolio.market.bars import Bars


@click.group(
    "evidence",
    cls=StrategyGroup,
    command_of=lambda name, kind: evidence_command(name, kind),
    short_help="Is what a strategy earned more than luck?",
)
def examine_strategies() -> None:
    """Run the tests that suit one strategy, and say what none of them can.

    A rule with a fixed holding time is compared with the same trade on all dates, trades of one session with other dates like
    it, and anything else with its own holding times moved over the calendar.

    Example: python backtest.py evidence dip-rule --hold 5
    """


def evidence_command(name: str, strategy: "type[Idea]") -> click.Command:
    """The command that examines a strategy.

    Raises
    ------
    StrategyError
        A parameter of the strategy has the name of another option.
    """
    own, general = options_of(strategy, "Strategy"), _options()
    refuse_taken(name, own, general)

    def run(**values: Any) -> None:
        """Examine it."""
        _examine(strategy, values)

    return SectionedCommand(
        name,
        callback=run,
        params=[*own, *general],
        help=f"{(strategy.__doc__ or name).strip().splitlines()[0]}",
        epilog=f"Example: python backtest.py evidence {name} --benchmark QQQ",
    )


def _options() -> list[click.Option]:
    folder, section = click.Path(path_type=Path), "Evidence"
    return [
        SectionedOption(
            ["--benchmark"],
            type=Benchmark(),
            default="none",
            show_default=True,
            section=section,
            help="symbol that each trade has to beat",
        ),
        SectionedOption(["--seed"], type=click.IntRange(0), help="of random signs  [default: 20250127]", section=section),
        SectionedOption(["--data"], type=folder, help=DATA_HELP, section=section),
        SectionedOption(
            ["--reports"], type=folder, help="folder with the register of trials  [default: reports]", section=section
        ),
        SectionedOption(["--json", "as_json"], is_flag=True, help="print it for machines", section=section),
    ]


def _examine(kind: "type[Idea]", values: dict[str, Any]) -> None:
    from dipfolio.engine.parameter import parameters
    from dipfolio.engine.simulation import simulate
    from dipfolio.evidence.deflation import deflate
    from dipfolio.evidence.examination import examine
    from dipfolio.evidence.placebo import SEED
    from dipfolio.evidence.trials import trial_of
    from dipfolio.report.examined import Examined, examined_as_json, print_examined
    from dipfolio.report.folding import columns_of

    home = click.get_current_context().obj
    strategy = kind(**{item.name: values[item.name] for item in parameters(kind)})
    benchmark = values["benchmark"]
    bars = _figures(strategy, benchmark, values["data"])
    seed = SEED if values["seed"] is None else values["seed"]
    with prints_aside():
        result = simulate(strategy, bars, benchmark=benchmark)
        found = examine(strategy, bars, result, benchmark, seed)
    register, trial = register_of(values["reports"] or home.reports), trial_of(result, bars=bars)
    register.add([trial])
    left = deflate(found.sharpe, register.read(strategy=trial.strategy)) if found.sharpe else None
    examined = Examined(result=result, examination=found, deflation=left)
    if values["as_json"]:
        click.echo(examined_as_json(examined))
    else:
        print_examined(examined, sys.stdout, columns_of(sys.stdout))


def _figures(strategy: "Idea", benchmark: str, data: Path | None) -> "Bars":
    """What it trades and is measured against, and SPY if the figures have it, which tells stressful mornings."""
    from dipfolio.evidence.single import MARKET
    from dipfolio.market.folder import available

    home: Home = click.get_current_context().obj
    wanted = tuple(dict.fromkeys([*strategy.symbols, *([benchmark] if benchmark else [])]))
    folder = data if data is not None else home.figures((*wanted, MARKET)).folder
    more = (MARKET,) if MARKET in available(folder) and MARKET not in wanted else ()
    return home.load(data, (*wanted, *more))
