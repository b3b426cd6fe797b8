"""``check``: whether a strategy looks ahead, repeats itself, explains itself and refuses nonsense."""

from pathlib import Path

import click

from dipfolio.cli.completion import strategy_names
from dipfolio.cli.options import DATA_HELP
from dipfolio.engine import catalogue
from dipfolio.engine.prints import prints_aside
from dipfolio.errors import StrategyError, UnknownNameError


@click.command("check", short_help="Does a strategy look ahead? Is it deterministic, documented, careful?")
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=strategy_names)
@click.option("--all", "everything", is_flag=True, help="every strategy in the folder")
@click.option("--sessions", type=click.IntRange(1), default=20, show_default=True, help="at how many the future is taken away")
@click.option("--data", type=click.Path(path_type=Path), help=DATA_HELP)
@click.pass_context
def check_strategies(ctx: click.Context, names: tuple[str, ...], everything: bool, sessions: int, data: Path | None) -> None:
    """Look for mistakes in strategies, with their default parameters; exit code 1 if any is found.

    The bars are cut at many sessions and their future exchanged: whatever was decided before must not move.

    Example: python backtest.py check buy-the-dip
    """
    folder = ctx.obj.strategies
    names = names or (catalogue.names(folder) if everything else ())
    if not names:
        raise click.UsageError("Name a strategy, or ask for --all.", ctx)
    faults = [name for name in names if not _check(ctx, name, data, sessions)]
    if faults:
        raise StrategyError(f"{len(faults)} of {len(names)} strategies failed: {', '.join(faults)}.")


def _check(ctx: click.Context, name: str, data: Path | None, sessions: int) -> bool:
    from dipfolio.engine.inspection import Check, inspect_strategy

    try:
        kind = catalogue.load_strategy(ctx.obj.strategies, name)
    except UnknownNameError:
        raise
    except StrategyError as error:
        findings: tuple[Check, ...] = (Check(question="can be loaded", passed=False, detail=str(error)),)
    else:
        bars = ctx.obj.load(data, kind().symbols)
        with prints_aside():
            findings = inspect_strategy(kind, bars, sessions=sessions)
    click.echo(name)
    for finding in findings:
        click.echo(f"  {'ok  ' if finding.passed else 'FAIL'}  {finding.question}: {finding.detail}")
    return all(finding.passed for finding in findings)
