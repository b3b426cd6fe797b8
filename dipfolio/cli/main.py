"""Main: the top of the command line, where a word is a command or else a strategy, and where errors become one line."""

import sys
import traceback
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from dipfolio import __version__
from dipfolio.cli.check import check_strategies
from dipfolio.cli.compare import compare_runs
from dipfolio.cli.data import data_commands
from dipfolio.cli.evidence import examine_strategies
from dipfolio.cli.group import write_strategies
from dipfolio.cli.home import Home
from dipfolio.cli.listing import list_strategies
from dipfolio.cli.new import new_strategy
from dipfolio.cli.run import strategy_command
from dipfolio.cli.sweep import sweep_strategies
from dipfolio.cli.thesis import judge_claims
from dipfolio.engine import catalogue
from dipfolio.errors import DipfolioError, StrategyError, UnknownNameError

COMMANDS = {
    "list": list_strategies,
    "compare": compare_runs,
    "check": check_strategies,
    "new": new_strategy,
    "sweep": sweep_strategies,
    "thesis": judge_claims,
    "evidence": examine_strategies,
    "data": data_commands,
}


class Doorway(click.Group):
    """A group whose commands are its own and every strategy in the folder."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands, then the strategies."""
        return [*COMMANDS, *catalogue.names(ctx.obj.strategies)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A command, or a strategy whose parameters are the options."""
        if cmd_name in COMMANDS:
            return COMMANDS[cmd_name]
        folder = ctx.obj.strategies
        known = catalogue.names(folder)
        if cmd_name not in known:
            raise UnknownNameError("strategy or command", cmd_name, [*COMMANDS, *known], "`python backtest.py list` shows all.")
        return strategy_command(cmd_name, catalogue.load_strategy(folder, cmd_name))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Two lists, without importing a strategy."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.get_short_help_str(80)) for name, command in COMMANDS.items()])
        write_strategies(ctx.obj.strategies, formatter)


def _use_strategies(ctx: click.Context, _: click.Parameter, folder: Path | None) -> None:
    if folder is not None:
        if not folder.is_dir():
            raise click.BadParameter(f"{folder} is no folder.", ctx, param_hint="--strategies")
        ctx.obj = replace(ctx.obj, strategies=folder)


@click.group(
    cls=Doorway,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Example: python backtest.py buy-the-dip --hold 20 --benchmark QQQ",
)
@click.version_option(__version__, prog_name="dipfolio")
@click.option(
    "--strategies", type=click.Path(path_type=Path), is_eager=True, expose_value=False, callback=_use_strategies,
    help="folder of strategy files  [default: strategies]",
)  # fmt: skip
def doorway() -> None:
    """Test a claim about the market: simulate a strategy, audit it, and write its tear sheet.

    A word that is no command is a strategy; its --help shows its parameters.
    """


def main(home: Path, arguments: list[str] | None = None) -> None:
    """Run the command line and leave with its exit code: 0, 1 for figures and runs, 2 for the user.

    Parameters
    ----------
    home : Path
        Where ``strategies/``, ``data/`` and ``reports/`` stand.
    arguments : list of str, optional
        The words after the program, if not those it was started with.
    """
    sys.exit(_guarded(arguments, Home.at(home)))


def _guarded(arguments: list[str] | None, home: Home) -> Any:
    try:
        return doorway.main(arguments, prog_name="backtest.py", obj=home, standalone_mode=False)
    except DipfolioError as error:
        if isinstance(error, StrategyError) and error.__cause__:
            traceback.print_exception(_own_frames(error.__cause__))
        click.echo(f"Error: {error}", err=True)
        return error.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return error.exit_code
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else "backtest.py"
        click.echo(f"Error: {error.format_message()} See {path} --help.", err=True)
        return error.exit_code
    except click.ClickException as error:
        click.echo(f"Error: {error.format_message()}", err=True)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted; nothing was written.", err=True)
        return 1
    except BrokenPipeError:
        sys.stdout = None
        return 0


def _own_frames(error: BaseException) -> BaseException:
    """The error with the frames of the file that raised it, without those of the import machinery."""
    frame = error.__traceback__
    while frame and ("importlib" in frame.tb_frame.f_code.co_filename or frame.tb_frame.f_code.co_filename == catalogue.__file__):
        frame = frame.tb_next
    return error.with_traceback(frame)
