"""The command line: the root group, its commands, and one line for each error."""

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

from dipfolio.cli.compare import compare_runs
from dipfolio.cli.completion import COMPLETION_VARIABLE, print_completion, strategy_items
from dipfolio.cli.data import data_commands
from dipfolio.cli.evidence import evidence_commands
from dipfolio.cli.groups import command_for, write_strategy_help
from dipfolio.cli.init import init_workspace
from dipfolio.cli.output import install_output_filter, remove_output_filter
from dipfolio.cli.predict import judge_predictions, predict_commands
from dipfolio.cli.reproduce import reproduce_run
from dipfolio.cli.run import strategy_command
from dipfolio.cli.strategies import check_strategies, list_strategies, new_strategy
from dipfolio.cli.sweep import sweep_commands
from dipfolio.cli.thesis import thesis_command
from dipfolio.cli.workspace import Workspace, substitute_program, with_program_name
from dipfolio.engine import loader
from dipfolio.errors import DipfolioError, StrategyError, UnknownNameError
from dipfolio.version import __version__

COMMANDS = {
    "list": list_strategies,
    "compare": compare_runs,
    "reproduce": reproduce_run,
    "check": check_strategies,
    "new": new_strategy,
    "sweep": sweep_commands,
    "thesis": thesis_command,
    "evidence": evidence_commands,
    "predict": predict_commands,
    "judge": judge_predictions,
    "data": data_commands,
    "init": init_workspace,
    "completion": print_completion,
}


DISK_ERRNOS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
"""What a library may meet that writes a file of its own, in a folder for such files; no fault of its or ours."""

GC_THRESHOLD = 50_000
"""Objects made until Python looks for lost ones; at its own 700 a command spends a tenth of its time looking through imports."""


class RootGroup(click.Group):
    """A group whose commands are its own and every strategy in the folder."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands, then the strategies."""
        return [*COMMANDS, *loader.list_strategy_names(ctx.obj.strategies)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A command, or a strategy whose parameters are the options."""
        if cmd_name in COMMANDS:
            return with_program_name(COMMANDS[cmd_name], ctx.obj.command)
        known = loader.list_strategy_names(ctx.obj.strategies)
        if cmd_name not in known and not ctx.resilient_parsing:
            raise UnknownNameError("strategy or command", cmd_name, [*COMMANDS, *known], _where_to_look(ctx.obj))
        return command_for(ctx, cmd_name, strategy_command)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Commands and strategies, without importing one, then the options."""
        commands = [CompletionItem(name, help=command.get_short_help_str(80)) for name, command in COMMANDS.items()]
        names = [item for item in commands if item.value.startswith(incomplete)]
        return [*names, *strategy_items(ctx, incomplete), *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Two lists, without importing a strategy."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.get_short_help_str(80)) for name, command in COMMANDS.items()])
        write_strategy_help(ctx.obj.strategies, formatter)


def _where_to_look(home: Workspace) -> str:
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
    cls=RootGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Example: python backtest.py buy-the-dip --hold 20 --benchmark QQQ",
)
@click.version_option(__version__, prog_name="dipfolio")
@click.option(
    "--strategies", type=click.Path(path_type=Path), is_eager=True, expose_value=False, callback=_use_strategies,
    help="folder of strategy files  [default: strategies]",
)  # fmt: skip
def root_group() -> None:
    """Test a claim about the market: simulate a strategy, audit it, and write its tear sheet.

    A word that is no command is a strategy; its --help shows its parameters.
    """


def main(home: Path, arguments: list[str] | None = None, program: str = "backtest.py") -> None:
    """Run the command line and leave with its exit code: 0, 1 for data and runs, 2 for the user.

    Parameters
    ----------
    home : Path
        Where ``strategies/``, ``data/`` and ``reports/`` stand.
    arguments : list of str, optional
        The words after the program, if not those it was started with.
    program : str
        What help and errors call it.
    """
    gc.set_threshold(GC_THRESHOLD)
    if COMPLETION_VARIABLE in os.environ:
        sys.exit(
            _guarded(arguments, Workspace.at(home, program))
        )  # a shell asks, and gets bytes; the answer is harmless as it is
    before = install_output_filter()
    code = _guarded(arguments, Workspace.at(home, program))
    remove_output_filter(before)  # the traceback of a fault is filtered too
    sys.exit(code)


def _guarded(arguments: list[str] | None, home: Workspace) -> Any:
    try:
        group = with_program_name(root_group, home.command)
        code = group.main(arguments, prog_name=home.program, complete_var=COMPLETION_VARIABLE, obj=home, standalone_mode=False)
        if sys.stdout:
            sys.stdout.flush()
        return code
    except DipfolioError as error:
        cause = error.__cause__
        if isinstance(error, StrategyError) and cause and cause.__traceback__:  # one from another process has no frames here
            traceback.print_exception(_own_frames(cause))
        click.echo(f"Error: {substitute_program(' '.join(str(error).splitlines()), home.command)}", err=True)
        return error.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return error.exit_code
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else home.program
        message = " ".join(error.format_message().split())
        click.echo(f"Error: {message}{'' if message.endswith(('.', ')', '?')) else '.'} See {path} --help.", err=True)
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
        if error.errno not in DISK_ERRNOS:
            raise
        where = f"{error.filename} cannot be written" if error.filename else "A file cannot be written"
        click.echo(f"Error: {where}: {error.strerror}. Make room, or name another folder for such files in TMPDIR.", err=True)
        return 1


def _own_frames(error: BaseException) -> BaseException:
    """The error with the frames from the file that raised it on, without ours and those of the import machinery before."""
    frame, ours = error.__traceback__, Path(loader.__file__).parents[1]
    while frame and ("importlib" in (file := frame.tb_frame.f_code.co_filename) or Path(file).is_relative_to(ours)):
        frame = frame.tb_next
    return error.with_traceback(frame)
