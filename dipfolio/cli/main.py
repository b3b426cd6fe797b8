"""Main: the top of the command line, where a word is a command or else a strategy, and where errors become one line."""

import errno
import gc
import os
import sys
import traceback
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from dipfolio import __version__
from dipfolio.cli.check import check_strategies
from dipfolio.cli.compare import compare_runs
from dipfolio.cli.completion import VARIABLE, print_completion, strategy_items
from dipfolio.cli.data import data_commands
from dipfolio.cli.evidence import examine_strategies
from dipfolio.cli.group import command_for, write_strategies
from dipfolio.cli.home import Home
from dipfolio.cli.init import make_home
from dipfolio.cli.listing import list_strategies
from dipfolio.cli.new import new_strategy
from dipfolio.cli.output import guard, release
from dipfolio.cli.run import strategy_command
from dipfolio.cli.started import as_started, told_as_started
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
    "init": make_home,
    "completion": print_completion,
}


NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
"""What a library may meet that writes a file of its own, in a folder for such files; no fault of its or ours."""

OBJECTS = 50_000
"""Objects made until Python looks for lost ones; at its own 700 a command spends a tenth of its time looking through imports."""


class Doorway(click.Group):
    """A group whose commands are its own and every strategy in the folder."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands, then the strategies."""
        return [*COMMANDS, *catalogue.names(ctx.obj.strategies)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A command, or a strategy whose parameters are the options."""
        if cmd_name in COMMANDS:
            return told_as_started(COMMANDS[cmd_name], ctx.obj.command)
        known = catalogue.names(ctx.obj.strategies)
        if cmd_name not in known and not ctx.resilient_parsing:
            raise UnknownNameError("strategy or command", cmd_name, [*COMMANDS, *known], _where_to_look(ctx.obj))
        return command_for(ctx, cmd_name, strategy_command)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Commands and strategies, without importing one, then the options."""
        commands = [CompletionItem(name, help=made.get_short_help_str(80)) for name, made in COMMANDS.items()]
        own = [item for item in commands if item.value.startswith(incomplete)]
        return [*own, *strategy_items(ctx, incomplete), *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Two lists, without importing a strategy."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.get_short_help_str(80)) for name, command in COMMANDS.items()])
        write_strategies(ctx.obj.strategies, formatter)


def _where_to_look(home: Home) -> str:
    """The next step of who named something that is not there."""
    if home.strategies.is_dir():
        return "`python backtest.py list` shows the strategies, `python backtest.py --help` the commands."
    return f"There is no folder {home.strategies}; `python backtest.py init` makes one with examples."


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


def main(home: Path, arguments: list[str] | None = None, program: str = "backtest.py") -> None:
    """Run the command line and leave with its exit code: 0, 1 for figures and runs, 2 for the user.

    Parameters
    ----------
    home : Path
        Where ``strategies/``, ``data/`` and ``reports/`` stand.
    arguments : list of str, optional
        The words after the program, if not those it was started with.
    program : str
        What help and errors call it.
    """
    gc.set_threshold(OBJECTS)
    if VARIABLE in os.environ:
        sys.exit(_guarded(arguments, Home.at(home, program)))  # a shell asks, and gets bytes; the answer is harmless as it is
    before = guard()
    code = _guarded(arguments, Home.at(home, program))
    release(before)  # a fault on its way out is told through the guard as well
    sys.exit(code)


def _guarded(arguments: list[str] | None, home: Home) -> Any:
    try:
        told = told_as_started(doorway, home.command)
        code = told.main(arguments, prog_name=home.program, complete_var=VARIABLE, obj=home, standalone_mode=False)
        if sys.stdout:
            sys.stdout.flush()
        return code
    except DipfolioError as error:
        if isinstance(error, StrategyError) and error.__cause__:
            traceback.print_exception(_own_frames(error.__cause__))
        click.echo(f"Error: {as_started(' '.join(str(error).splitlines()), home.command)}", err=True)
        return error.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return error.exit_code
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else home.program
        said = " ".join(error.format_message().split())
        click.echo(f"Error: {said}{'' if said.endswith(('.', ')', '?')) else '.'} See {path} --help.", err=True)
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
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        where = f"{error.filename} cannot be written" if error.filename else "A file cannot be written"
        click.echo(f"Error: {where}: {error.strerror}. Make room, or name another folder for such files in TMPDIR.", err=True)
        return 1


def _own_frames(error: BaseException) -> BaseException:
    """The error with the frames from the file that raised it on, without ours and those of the import machinery before."""
    frame, ours = error.__traceback__, Path(catalogue.__file__).parents[1]
    while frame and ("importlib" in (file := frame.tb_frame.f_code.co_filename) or Path(file).is_relative_to(ours)):
        frame = frame.tb_next
    return error.with_traceback(frame)
