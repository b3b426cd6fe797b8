"""The commands ``list``, ``check`` and ``new``: listing, checking and creating strategies.

``list`` prints each strategy with its one-line description. ``check`` tests whether a strategy looks ahead, gives the
same result twice, is documented and refuses invalid parameters. ``new`` writes a strategy file to start from.
"""

import keyword
import os
from importlib.resources import files
from pathlib import Path

import click

from dipfolio.cli.completion import complete_strategies
from dipfolio.cli.options import DATA_HELP, options_of, refuse_reserved_options
from dipfolio.cli.workspace import relative_to_cwd
from dipfolio.engine import loader
from dipfolio.engine.loader import discard_stdout
from dipfolio.errors import DipfolioError, ParameterError, ReportError, StrategyError, UnknownNameError
from dipfolio.storage import atomic_write, explain_write_errors


@click.command("list", short_help="Every strategy with its one-line description.")
@click.pass_context
def list_strategies(ctx: click.Context) -> None:
    """Every strategy with the claim it tests and the first line of its docstring, read without running any of them.

    Example: python backtest.py list | grep nvda
    """
    entries = loader.list_strategy_files(ctx.obj.strategies)
    width = max((len(entry.name) for entry in entries), default=0)
    label = max((len(entry.claim) for entry in entries), default=0)
    for entry in entries:
        description = f"BROKEN: {entry.problem}" if entry.problem else entry.title
        click.echo(f"{entry.name:<{width}}  {entry.claim:<{label}}  {description}")
    if not entries:
        click.echo(f"No strategy in {ctx.obj.strategies}; `{ctx.obj.command} init` brings examples.", err=True)


@click.command("check", short_help="Does a strategy look ahead? Is it deterministic, documented, careful?")
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=complete_strategies)
@click.option("--all", "everything", is_flag=True, help="every strategy in the folder")
@click.option("--sessions", type=click.IntRange(1), default=20, show_default=True, help="at how many the future is taken away")
@click.option("--data", type=click.Path(path_type=Path), help=DATA_HELP)
@click.pass_context
def check_strategies(ctx: click.Context, names: tuple[str, ...], everything: bool, sessions: int, data: Path | None) -> None:
    """Look for mistakes in strategies, with their default parameters; exit code 1 if one makes results wrong.

    The bars are cut at many sessions and their future exchanged: whatever was decided before must not move. A strategy that looks
    ahead, or that does not decide the same twice, fails. A missing docstring and a value that makes no sense and is not refused
    are noted, and do not change the exit code. What the strategy prints meanwhile is not shown.

    Example: python backtest.py check buy-the-dip
    """
    folder = ctx.obj.strategies
    names = names or (loader.list_strategy_names(folder) if everything else ())
    if not names:
        none = f"No strategy in {folder}; `{ctx.obj.command} init` brings examples."
        raise click.UsageError(none if everything else "Name a strategy, or ask for --all.", ctx)
    faults = [name for name in names if not _check(ctx, name, data, sessions, alone=len(names) == 1)]
    if faults:
        raise StrategyError(f"{len(faults)} of {len(names)} strategies failed: {', '.join(faults)}.")


def _check(ctx: click.Context, name: str, data: Path | None, sessions: int, *, alone: bool) -> bool:
    """Print the answers for one strategy; whether none of them makes results wrong."""
    from dipfolio.engine.strategy_checks import StrategyCheck, check_strategy

    try:
        with discard_stdout():
            kind = loader.load_strategy(ctx.obj.strategies, name)
            refuse_reserved_options(name, options_of(kind, "Strategy"), [])
    except UnknownNameError:
        raise
    except StrategyError as error:
        findings: tuple[StrategyCheck, ...] = (StrategyCheck(question="can be loaded", passed=False, detail=str(error)),)
    else:
        try:
            with discard_stdout():
                symbols = kind().symbols
            bars = ctx.obj.load(data, symbols)
            with discard_stdout():
                findings = check_strategy(kind, bars, sessions=sessions)
        except DipfolioError as error:
            if alone and not isinstance(error, StrategyError):
                raise
            findings = (StrategyCheck(question="can be run", passed=False, detail=str(error)),)
    click.echo(name)
    for finding in findings:
        word = "ok  " if finding.passed else "FAIL" if finding.failed else "note"
        click.echo(f"  {word}  {finding.question}: {finding.detail}")
    return not any(finding.failed for finding in findings)


@click.command("new", short_help="A new strategy file from a template.")
@click.argument("name")
@click.option(
    "--from", "parent", metavar="NAME", shell_complete=complete_strategies, help="start as a subclass of an existing strategy"
)
@click.option("--force", is_flag=True, help="overwrite a file of that name")
@click.pass_context
def new_strategy(ctx: click.Context, name: str, parent: str | None, force: bool) -> None:
    """Write strategies/NAME.py from a commented template that runs at once.

    A strategy file is code: whoever runs it, or checks or examines it, executes all of it, so run none that you have not read.
    An existing file is never overwritten without --force.

    Example: python backtest.py new my-idea --from buy-the-dip
    """
    folder: Path = ctx.obj.strategies
    if not loader.STRATEGY_NAME_PATTERN.fullmatch(name) or not name[0].isalpha():
        raise ParameterError(f"{name!r} cannot be the name of a strategy; use letters, digits and hyphens, such as my-idea.")
    if keyword.iskeyword(name):
        raise ParameterError(f"{name!r} is a word of Python; choose another name for the strategy.")
    root = ctx.find_root().command
    if isinstance(root, click.Group) and name in {*root.list_commands(ctx)} - {*loader.list_strategy_names(folder)}:
        raise ParameterError(f"{name!r} is a command; choose another name for the strategy.")
    if parent is not None and parent not in loader.list_strategy_names(folder):
        raise UnknownNameError("strategy", parent, loader.list_strategy_names(folder), "`python backtest.py list` shows all.")
    path = folder / f"{name.replace('-', '_')}.py"
    if os.path.lexists(path) and not force:
        raise ParameterError(f"{relative_to_cwd(path)} exists; choose another name, or overwrite it with --force.")
    text = _from_parent(folder, name, parent) if parent else _template("strategy.py.txt").replace("CLASS", _class(name))
    with explain_write_errors(path, ReportError, "Name another folder with --strategies."), atomic_write(path) as fresh:
        fresh.write_text(text.replace("NAME", name), encoding="utf-8")
    click.echo(f"Wrote {relative_to_cwd(path)}. Run it: {ctx.obj.command} {name}")


def _from_parent(folder: Path, name: str, parent: str) -> str:
    from dipfolio.engine.strategy import BacktraderStrategy

    kind = loader.load_strategy(folder, parent)
    text = _template("backtrader_variant.py.txt" if issubclass(kind, BacktraderStrategy) else "variant.py.txt")
    return (
        text.replace("CLASS", _class(name)).replace("PARENT", kind.__name__)
        .replace("MODULE", parent.replace("-", "_")).replace("ORIGIN", parent)
    )  # fmt: skip


def _template(name: str) -> str:
    return files("dipfolio.cli").joinpath("templates", name).read_text(encoding="utf-8")


def _class(name: str) -> str:
    return "".join(part.capitalize() for part in name.replace("_", "-").split("-"))
