"""The command ``init``: a workspace with the example strategies and the embedded data."""

import filecmp
import os
import shlex
import shutil
from pathlib import Path

import click

import dipfolio
from dipfolio.cli.options import FolderType
from dipfolio.cli.workspace import relative_to_cwd
from dipfolio.errors import ParameterError, ReportError
from dipfolio.storage import atomic_directory, explain_write_errors, scratch_directory

COPIED_NAMES = ("strategies", "data", "backtest.py")
SKIPPED_NAMES = ("cache", "__pycache__")
"""Folders with what was fetched or compiled here."""


@click.command("init", short_help="A folder with the example strategies and the embedded data.")
@click.argument("folder", default=".", type=FolderType())
@click.option("--force", is_flag=True, help="replace files of the same names; those of your own stay")
@click.pass_context
def init_workspace(ctx: click.Context, folder: Path, force: bool) -> None:
    """Make FOLDER, or the one you stand in, a place to work: strategies/, data/ and backtest.py.

    Reports are made beside them when something is run.

    Example: python backtest.py init my-folder
    """
    existing = [part for part in COPIED_NAMES if (folder / part).exists()]
    if existing and not force:
        held = f"{relative_to_cwd(folder)} has {', '.join(existing)} already"
        raise ParameterError(f"{held}; choose another folder, or replace what is there with --force.")
    with explain_write_errors(f"{folder} cannot be written to", ReportError, "Choose another folder."):
        replaced = _copy(find_starter(), folder)
    for path in replaced:
        click.echo(f"Replaced {relative_to_cwd(path)}.")
    here = folder.resolve() == Path.cwd()
    place, go = ("This folder", "") if here else (relative_to_cwd(folder), f"cd {shlex.quote(str(relative_to_cwd(folder)))} && ")
    click.echo(f"{place} has the example strategies and the data. Next: {go}{ctx.obj.command} list")


def find_starter() -> Path:
    """Where the strategies and data are copied from: inside the installed package, or the checkout around it."""
    package = Path(dipfolio.__file__).parent
    inside = package / "starter"
    return inside if inside.is_dir() else package.parent


def _copy(source: Path, folder: Path) -> list[Path]:
    """Copy all parts to a scratch directory, then move them into the folder; files that differed before are returned."""
    if not folder.exists():
        with atomic_directory(folder) as fresh:
            _copy_files(source, fresh)
        return []
    with scratch_directory(folder) as fresh:
        _copy_files(source, fresh)
        if not any((folder / part).exists() for part in COPIED_NAMES):
            for part in COPIED_NAMES:
                os.rename(fresh / part, folder / part)
            return []
        return [target for path in sorted(fresh.rglob("*")) if (target := _put(path, folder / path.relative_to(fresh)))]


def _copy_files(source: Path, fresh: Path) -> None:
    for path in _files(source):
        (fresh / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / path, fresh / path)


def _files(source: Path) -> list[Path]:
    """Paths of the files that are copied, relative to the source."""
    paths = (path for part in COPIED_NAMES for path in (source / part, *(source / part).rglob("*")) if path.is_file())
    names = (path.relative_to(source) for path in paths)
    return sorted(path for path in names if not any(name in SKIPPED_NAMES or name.startswith(".") for name in path.parts))


def _put(path: Path, target: Path) -> Path | None:
    """Move one file into its place; the place, if another file was there."""
    if path.is_dir():
        target.mkdir(exist_ok=True)
        return None
    other = target.exists() and not filecmp.cmp(path, target, shallow=False)
    os.replace(path, target)
    return target if other else None
