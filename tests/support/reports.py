"""What tests look for in folders of reports: everything, byte by byte, and whether each report is whole."""

from dipfolio.storage import BACKUP_FOLDER, CHECKSUM_FILE, SCRATCH_PREFIX, changed_files


def contents(folder):
    """Every file below a folder with its bytes."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def reports_in(shelf):
    """The folders that look like a finished report."""
    return [path for path in sorted(shelf.glob("*")) if path.is_dir() and not path.name.startswith(".")]


def all_whole(shelf):
    """Whether every report is sealed and as it was sealed."""
    return all((folder / CHECKSUM_FILE).is_file() and not changed_files(folder) for folder in reports_in(shelf))


def state(folder):
    """What a process has left, as the next one sees it: files with their sizes, of scratch folders only what was moved aside."""
    found = set()
    for path in folder.rglob("*"):
        parts = [SCRATCH_PREFIX if part.startswith(SCRATCH_PREFIX) else part for part in path.relative_to(folder).parts]
        if SCRATCH_PREFIX not in parts or BACKUP_FOLDER in parts or parts[-1] == SCRATCH_PREFIX:
            found.add(("/".join(parts), path.stat().st_size if path.is_file() else None))
    return frozenset(found)


def left_over(folder):
    """What only a process at work may have: scratch folders and half-written files."""
    return [path.name for path in folder.rglob("*") if path.name.startswith(".dipfolio-") or path.suffix in (".part", ".fresh")]
