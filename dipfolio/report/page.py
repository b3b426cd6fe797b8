"""Page: one HTML file with everything in it, that asks nobody for anything, and that appears whole or not at all."""

import hashlib
import os
import tempfile
from base64 import b64encode
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from markupsafe import Markup

from dipfolio.errors import ReportError
from dipfolio.report.record import templates


def asset(name: str) -> str:
    """The text of a style sheet or script that stands beside the templates."""
    return files("dipfolio.report").joinpath("templates", name).read_text(encoding="utf-8")


def render(template: str, *, scripts: Sequence[str], styles: Sequence[str] = (), **values: Any) -> str:
    """The page; only these scripts may run in it, and nothing may be fetched.

    Parameters
    ----------
    template : str
        Extends ``page.html.j2``; every value is escaped.
    scripts : sequence of str
        JavaScript sources, run in this order after the page was read.
    styles : sequence of str
        Assets with what this page needs beyond ``page.css``.
    values
        For the template.
    """
    safe = [source.replace("</script", "<\\/script") for source in scripts]
    hashes = " ".join(f"'sha256-{b64encode(hashlib.sha256(source.encode()).digest()).decode()}'" for source in safe)
    policy = f"default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:; font-src data:; script-src {hashes}"
    return templates().get_template(template).render(
        policy=policy,
        style=Markup("".join(map(asset, ("page.css", *styles)))),  # noqa: S704 - our own files
        scripts=[Markup(source) for source in safe],  # noqa: S704 - our own files and plotly's
        **values,
    )  # fmt: skip


def place_page(reports: Path, name: str, page: str) -> Path:
    """Write a page beside, then rename it into its place.

    Raises
    ------
    ReportError
        The folder cannot be written. An older page of that name is untouched.
    """
    target = reports / name
    try:
        reports.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=reports, prefix=f".{name}-") as room:
            fresh = Path(room) / name
            fresh.write_text(page, encoding="utf-8", newline="\n")
            os.replace(fresh, target)
    except OSError as error:
        raise ReportError(
            f"{target} cannot be written: {error.strerror or error}. Choose another folder with --reports."
        ) from error
    return target
