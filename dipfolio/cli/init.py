"""``init``: a folder to work in, with the example strategies and the embedded figures."""

import filecmp
import os
import shlex
import shutil
from pathlib import Path

import click

import dipfolio
from dipfolio.cli.home import near
from dipfolio.errors import ParameterError, ReportError
from dipfolio.market.scratch import scratch

PARTS = ("strategies", "data", "backtest.py")
LEFT_OUT = ("cache", "__pycache__")
"""Folders with what was fetched or compiled here."""


@click.command("init", short_help="A folder with the example strategies and the embedded figures.")
@click.argument("folder", default=".", type=click.Path(path_type=Path, file_okay=False))
@click.option("--force", is_flag=True, help="replace files of the same names; those of your own stay")
@click.pass_context
def make_home(ctx: click.Context, folder: Path, force: bool) -> None:
    """Make FOLDER, or the one you stand in, a place to work: strategies/, data/ and backtest.py.

    Reports are made beside them when something is run.

    Example: python backtest.py init my-folder
    """
    there = [part for part in PARTS if (folder / part).exists()]
    if there and not force:
        held = f"{near(folder)} has {', '.join(there)} already"
        raise ParameterError(f"{held}; choose another folder, or replace what is there with --force.")
    try:
        replaced = _copy(starter(), folder)
    except OSError as error:
        raise ReportError(f"{folder} cannot be written to: {error.strerror or error}. Choose another folder.") from error
    for path in replaced:
        click.echo(f"Replaced {near(path)}.")
    here = folder.resolve() == Path.cwd()
    place, go = ("This folder", "") if here else (near(folder), f"cd {shlex.quote(str(near(folder)))} && ")
    click.echo(f"{place} has the example strategies and the figures. Next: {go}{ctx.obj.command} list")


def starter() -> Path:
    """Where the strategies and figures are copied from: inside the installed package, or the checkout around it."""
    package = Path(dipfolio.__file__).parent
    inside = package / "starter"
    return inside if inside.is_dir() else package.parent


def _copy(source: Path, folder: Path) -> list[Path]:
    """Copy all parts beside, then put them into their place; files that differed before are returned."""
    with scratch(folder if folder.is_dir() else folder.parent) as room:
        fresh = room / "new"
        fresh.mkdir()
        for path in _files(source):
            (fresh / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / path, fresh / path)
        if not folder.exists():
            os.rename(fresh, folder)
            return []
        if not any((folder / part).exists() for part in PARTS):
            for part in PARTS:
                os.rename(fresh / part, folder / part)
            return []
        return [target for path in sorted(fresh.rglob("*")) if (target := _put(path, folder / path.relative_to(fresh)))]


def _files(source: Path) -> list[Path]:
    """What is copied, relative to the source."""
    found = (path for part in PARTS for path in (source / part, *(source / part).rglob("*")) if path.is_file())
    names = (path.relative_to(source) for path in found)
    return sorted(path for path in names if not any(name in LEFT_OUT or name.startswith(".") for name in path.parts))


def _put(path: Path, target: Path) -> Path | None:
    """Move one file into its place; the place, if another file was there."""
    if path.is_dir():
        target.mkdir(exist_ok=True)
        return None
    other = target.exists() and not filecmp.cmp(path, target, shallow=False)
    os.replace(path, target)
    return target if other else None
