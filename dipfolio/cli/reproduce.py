"""The command ``reproduce``: a saved run is made again, and every byte of its record is compared."""

import io
import json
import shlex
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from dipfolio.cli.completion import complete_runs
from dipfolio.cli.groups import command_for
from dipfolio.cli.options import FolderType
from dipfolio.cli.run import strategy_command
from dipfolio.cli.workspace import Workspace, relative_to_cwd
from dipfolio.errors import ReportError, UnknownNameError


@click.command("reproduce", short_help="Make a saved run again and compare every byte.")
@click.argument("run", metavar="RUN", shell_complete=complete_runs)
@click.option("--reports", type=FolderType(), help="folder of saved runs  [default: reports]")
@click.option("--json", "as_json", is_flag=True, help="print the comparison for machines")
@click.pass_context
def reproduce_run(context: click.Context, /, run: str, reports: Path | None, as_json: bool) -> None:
    """Make a saved run again from the command that its folder keeps, and compare the two records byte by byte.

    Where they differ, it says what else does: the source of the strategy, the versions, the account, the data with the symbols
    and days, and from which session on the account. It leaves the saved run as it is, and exits with 1 if a byte differs.
    Relative paths in the command count from the current folder.

    Example: python backtest.py reproduce buy-the-dip
    """
    from dipfolio.report.reproduction import compare_records, saved_command
    from dipfolio.storage import saved_run, saved_runs

    shelf = reports or context.obj.reports
    folder = saved_run(shelf, run.rstrip("/")) or Path(run)
    if not (folder / "run.json").is_file():
        names = [found.name for found in saved_runs(shelf)]
        raise UnknownNameError("saved run", run, names, f"{relative_to_cwd(shelf)} has {', '.join(names) or 'none'}.")
    command = saved_command(folder)
    with TemporaryDirectory() as place:
        found = compare_records(folder, _made_again(context, command, Path(place)))
    if as_json:
        click.echo(json.dumps({"command": command, **found.as_record()}, indent=1))
    elif found.equal:
        click.echo(f"{folder.name}: made again, all {len(found.files)} files are equal byte for byte.")
    else:
        click.echo(
            f"{folder.name}: made again, {len(found.different)} of {len(found.files)} files differ: {', '.join(found.different)}."
        )
        for line in (*found.reasons, *(["The source of the strategy differs:", *found.code] if found.code else [])):
            click.echo(line)
    if not found.equal:
        context.exit(1)


def _made_again(context: click.Context, command: str, place: Path) -> Path:
    """The folder of the run that a command makes, below a place for it; what it prints is not shown."""
    home: Workspace = context.obj
    name, *words = shlex.split(command)
    strategy = command_for(context, name, strategy_command)
    if strategy is None:
        raise UnknownNameError("strategy", name, (), f"{home.strategies} has no such file any more.")
    with redirect_stdout(io.StringIO()), strategy.make_context(name, [*words, "--reports", str(place)], parent=context) as inner:
        strategy.invoke(inner)
    made = [path.parent for path in place.glob("*/run.json")]
    if len(made) != 1:
        raise ReportError(f"The command {command} made {len(made)} runs; one was expected.")
    return made[0]
