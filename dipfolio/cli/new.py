"""``new``: a strategy file to start from."""

import os
from importlib.resources import files
from pathlib import Path

import click

from dipfolio.cli.completion import strategy_names
from dipfolio.cli.home import near
from dipfolio.engine import catalogue
from dipfolio.errors import ParameterError, ReportError, UnknownNameError
from dipfolio.market.scratch import scratch


@click.command("new", short_help="A new strategy file from a template.")
@click.argument("name")
@click.option(
    "--from", "parent", metavar="NAME", shell_complete=strategy_names, help="start as a subclass of an existing strategy"
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
    if not catalogue.NAME.fullmatch(name) or not name[0].isalpha():
        raise ParameterError(f"{name!r} cannot be the name of a strategy; use letters, digits and hyphens, such as my-idea.")
    if parent is not None and parent not in catalogue.names(folder):
        raise UnknownNameError("strategy", parent, catalogue.names(folder), "`python backtest.py list` shows all.")
    path = folder / f"{name.replace('-', '_')}.py"
    if os.path.lexists(path) and not force:
        raise ParameterError(f"{near(path)} exists; choose another name, or overwrite it with --force.")
    text = _from_parent(folder, name, parent) if parent else _template("strategy.py.txt").replace("CLASS", _class(name))
    try:
        with scratch(folder) as room:
            (room / path.name).write_text(text.replace("NAME", name), encoding="utf-8")
            os.replace(room / path.name, path)  # a link in its place is replaced, not followed
    except OSError as error:
        raise ReportError(
            f"{path} cannot be written: {error.strerror or error}. Name another folder with --strategies."
        ) from error
    click.echo(f"Wrote {near(path)}. Run it: {ctx.obj.command} {name}")


def _from_parent(folder: Path, name: str, parent: str) -> str:
    kind = catalogue.load_strategy(folder, parent)
    text = _template("variant.py.txt")
    return (
        text.replace("CLASS", _class(name)).replace("PARENT", kind.__name__)
        .replace("MODULE", parent.replace("-", "_")).replace("ORIGIN", parent)
    )  # fmt: skip


def _template(name: str) -> str:
    return files("dipfolio.cli").joinpath("templates", name).read_text(encoding="utf-8")


def _class(name: str) -> str:
    return "".join(part.capitalize() for part in name.replace("_", "-").split("-"))
