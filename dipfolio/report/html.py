"""HTML: a page as one file that contains all it needs and loads nothing from the network.

A page is written atomically: it is complete or absent.
"""

import gzip
import json
from base64 import b64encode
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from markupsafe import Markup

from dipfolio.errors import ReportError
from dipfolio.report.format import escape_control_characters
from dipfolio.report.run_record import template_environment
from dipfolio.storage import atomic_write, explain_write_errors, sha256_of


def read_asset(name: str) -> str:
    """The text of a style sheet or script that stands beside the templates."""
    return files("dipfolio.report").joinpath("templates", name).read_text(encoding="utf-8")


@cache
def plotly_source() -> str:
    """plotly.js, the distribution for charts with two axes; ``vendor/README.md`` has its version and origin."""
    return files("dipfolio.report").joinpath("vendor", "plotly-cartesian.min.js").read_text(encoding="utf-8")


@cache
def packed_plotly() -> str:
    """plotly.js as :func:`pack_text` packs it; ``drawing.js`` unpacks it in the page."""
    return pack_text(plotly_source())


def pack_text(text: str) -> str:
    """A text, compressed by gzip, in Base64; the same text gives the same letters."""
    return b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode()


def page_policy(scripts: Sequence[str]) -> str:
    """The Content-Security-Policy under which these scripts run, no others do, and nothing is fetched."""
    hashes = " ".join(f"'sha256-{b64encode(bytes.fromhex(sha256_of(source))).decode()}'" for source in scripts)
    closed = "default-src 'none'; base-uri 'none'; form-action 'none'"
    return f"{closed}; style-src 'unsafe-inline'; img-src data: blob:; font-src data:; script-src {hashes}"


def render_page(
    template: str,
    *,
    scripts: Sequence[str],
    styles: Sequence[str] = (),
    plotly: bool = False,
    framed: Sequence[str] = (),
    **values: Any,
) -> str:
    """The page; only these scripts may run in it, and nothing may be fetched.

    Parameters
    ----------
    template : str
        Extends ``page.html.j2``; every value is escaped.
    scripts : sequence of str
        JavaScript sources, run in this order after the page was read.
    styles : sequence of str
        Assets with what this page needs beyond ``page.css``.
    plotly : bool
        Whether the page carries plotly.js, compressed, and ``drawing.js``, which draws with it, before the scripts.
    framed : sequence of str
        JavaScript sources that may run in the frames of the page, beside plotly.js and ``drawing.js``.
    values
        For the template.
    """
    safe = [source.replace("</script", "<\\/script") for source in (*([read_asset("drawing.js")] if plotly else []), *scripts)]
    return template_environment().get_template(template).render(
        policy=page_policy(list(dict.fromkeys([*([plotly_source()] if plotly else []), *safe, *framed]))),
        library=packed_plotly() if plotly else "",
        style=Markup("".join(map(read_asset, ("colours.css", "page.css", *styles)))),  # noqa: S704 - our own files
        scripts=[Markup(source) for source in safe],  # noqa: S704 - our own files
        **values,
    )  # fmt: skip


def script_data(data: Any) -> str:
    """JSON for a script element: nothing in it can end the element, start another, or turn the writing round."""
    text = json.dumps(_harmless(data), allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _harmless(data: Any) -> Any:
    if isinstance(data, dict):
        return {_harmless(key): _harmless(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_harmless(value) for value in data]
    return escape_control_characters(data) if isinstance(data, str) else data


def write_page(reports: Path, name: str, page: str) -> Path:
    """Write a page atomically.

    Raises
    ------
    ReportError
        The folder cannot be written. An older page of that name is untouched.
    """
    target = reports / name
    with explain_write_errors(target, ReportError, "Choose another folder with --reports."), atomic_write(target) as fresh:
        fresh.write_text(page, encoding="utf-8", newline="\n")
    return target
