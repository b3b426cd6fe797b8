"""Scratch: a folder beside the place where something is to stand, in which it is made first.

Whoever uses one holds a lock on it, which ends with the process, however that ends. So the next who comes to the same place
can tell what a killed process has left there, puts back what had been moved aside, and clears away the rest.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # only Unix has it; elsewhere nothing is locked, and nothing cleared away
    fcntl = None  # type: ignore[assignment]

PREFIX = ".dipfolio-"
ASIDE = "aside"
"""Folder within a scratch for what stood in the place before, as ``aside/<turn>/<name>``; it goes back if its user is killed."""


class Lock:
    """The right to a folder, until the process ends or nobody refers to this any more.

    Parameters
    ----------
    folder : Path

    Attributes
    ----------
    mine, taken : bool
        Whether it was had, and whether somebody else has it; neither where nothing can be locked.

    Raises
    ------
    OSError
        There is no such folder.
    """

    def __init__(self, folder: Path) -> None:
        self.mine = self.taken = False
        self._handle = os.open(folder, os.O_RDONLY) if fcntl else -1
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.mine = True
        except BlockingIOError:
            self.taken = True
        except (OSError, AttributeError):
            self.taken = False

    def __del__(self) -> None:
        with suppress(OSError, AttributeError):
            os.close(self._handle)


@contextmanager
def scratch(place: Path) -> Iterator[Path]:
    """An empty folder within ``place`` that goes with its user; what dead users have left there goes first.

    Parameters
    ----------
    place : Path
        Made if it is missing. What is written into the scratch is on the same file system, so a rename takes it there.

    Raises
    ------
    OSError
        The place cannot be written.
    """
    place.mkdir(parents=True, exist_ok=True)
    clear(place)
    room, lock = _open_room(place)
    try:
        yield room
    finally:
        shutil.rmtree(room, ignore_errors=True)
        del lock


def clear(place: Path) -> None:
    """Put back what killed processes had moved aside in a place, and remove the rest that they left; never fails."""
    for room in place.glob(f"{PREFIX}*"):
        with suppress(OSError):
            lock = Lock(room)
            if lock.mine:
                _put_back(room, place)
                shutil.rmtree(room, ignore_errors=True)


def _open_room(place: Path) -> tuple[Path, Lock]:
    """A new folder and its lock; another if somebody took it for left behind before it was locked."""
    while True:
        room = Path(tempfile.mkdtemp(dir=place, prefix=PREFIX))
        with suppress(FileNotFoundError):
            lock = Lock(room)
            if not lock.taken and room.exists():
                return room, lock


def _put_back(room: Path, place: Path) -> None:
    """What was moved aside goes back where its place is free, the latest first."""
    for thing in sorted((room / ASIDE).glob("*/*"), reverse=True):
        if not os.path.lexists(place / thing.name):
            os.rename(thing, place / thing.name)
