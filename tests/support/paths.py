"""Places that are full or cannot be written, as the machine allows: what it does not allow is skipped, and says so."""

import os
import subprocess
from contextlib import contextmanager

import pytest


@contextmanager
def mounted(place, *words):
    """A file system mounted there for as long as this lasts."""
    place.mkdir(exist_ok=True)
    try:
        done = subprocess.run(["mount", *words, str(place)], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount command here")
    if done.returncode:
        pytest.skip(f"mounting is not permitted here: {done.stderr.strip().splitlines()[0]}")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


@contextmanager
def small_disk(place, size):
    """A disk with so much room, such as ``64k``."""
    with mounted(place, "-t", "tmpfs", "-o", f"size={size}", "tmpfs"):
        yield place


@contextmanager
def read_only(folder):
    """The same folder, but nobody can write in it: a read-only mount for root, whom permissions do not stop."""
    if os.geteuid() == 0:
        with mounted(folder, "--bind", str(folder)):
            subprocess.run(["mount", "-o", "remount,ro,bind", str(folder)], check=True)
            yield folder
        return
    folders = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
    for path in folders:
        path.chmod(0o555)
    try:
        yield folder
    finally:
        for path in folders:
            path.chmod(0o755)
