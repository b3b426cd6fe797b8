"""What tests look for in folders of reports: everything, byte by byte, and whether each report is whole."""

from dipfolio.report.seal import NAME, breaches


def contents(folder):
    """Every file below a folder with its bytes."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def reports_in(shelf):
    """The folders that look like a finished report."""
    return [path for path in sorted(shelf.glob("*")) if path.is_dir() and not path.name.startswith(".")]


def all_whole(shelf):
    """Whether every report is sealed and as it was sealed."""
    return all((folder / NAME).is_file() and not breaches(folder) for folder in reports_in(shelf))


def left_over(folder):
    """What only a process at work may have: scratch folders and half-written files."""
    return [path.name for path in folder.rglob("*") if path.name.startswith(".dipfolio-") or path.suffix in (".part", ".fresh")]
