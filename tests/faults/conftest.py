"""Homes to ruin, and the program in processes that can be killed."""

import shutil

import pytest

from tests.support.killed_process import ROOT, Mortal


@pytest.fixture(scope="session")
def mortal(tmp_path_factory):
    """The program in a process of its own for each call; see :mod:`tests.support.killed_process`."""
    server = Mortal(XDG_CACHE_HOME=str(tmp_path_factory.mktemp("caches")))
    yield server
    server.close()


@pytest.fixture
def home(tmp_path):
    """A home with the strategies and the data of the repository."""
    home = tmp_path / "home"
    home.mkdir()
    shutil.copytree(ROOT / "strategies", home / "strategies", ignore=shutil.ignore_patterns("__pycache__"))
    (home / "data").symlink_to(ROOT / "data")
    return home
