"""The program in this process, in a workspace of its own with the shipped strategies and data."""

import shutil

from dipfolio.cli.app import _guarded
from dipfolio.cli.workspace import Workspace
from tests.support.killed_process import ROOT


def program_in(folder, monkeypatch, capsys):
    """A function that takes the words of a command line and returns exit code, output and errors."""
    monkeypatch.chdir(folder)
    for name in ("strategies", "data"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "cache"))
    home = Workspace.at(folder)

    def call(*words):
        code = _guarded([*map(str, words)], home)
        out, err = capsys.readouterr()
        return code or 0, out, err

    return call
