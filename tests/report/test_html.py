"""HTML: a page that loads nothing, data that cannot end their script, and files that are whole or absent."""

import gzip
import hashlib
import html
import json
import re
from base64 import b64decode, b64encode
from importlib.resources import files

import pytest

from dipfolio.errors import ReportError
from dipfolio.report.html import read_asset, render_page, script_data, write_page


def test_a_page_takes_the_place_of_an_older_one_whole(tmp_path):
    write_page(tmp_path, "comparison.html", "old")
    assert write_page(tmp_path, "comparison.html", "new").read_text(encoding="utf-8") == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["comparison.html"]


def test_a_page_that_cannot_be_written_names_the_option(tmp_path):
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    with pytest.raises(ReportError, match=r"Choose another folder with --reports\.$"):
        write_page(tmp_path / "file", "comparison.html", "new")
    assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"


HOSTILE = "</script><!--<script>&\u202e\x1b[2J"


def test_no_data_can_end_their_script_or_turn_the_writing_round():
    text = script_data({HOSTILE: [HOSTILE, 1, None, (True, 0.5)]})
    assert not set(text) & set("<>&\u202e\x1b")
    ((name, values),) = json.loads(text).items()
    assert values[0] == name
    assert name.startswith("</script><!--<script>&")
    assert values[1:] == [1, None, [True, 0.5]]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_json_does_not_have_is_refused(value):
    with pytest.raises(ValueError, match="not JSON compliant"):
        script_data({"values": [value]})


def test_only_the_scripts_of_the_page_may_run_and_each_has_its_hash():
    scripts = ["const a = 1;", "document.title = '</script>';"]
    page = render_page("page.html.j2", scripts=scripts, title="<b>T</b>")
    bodies = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    assert bodies == ["const a = 1;", "document.title = '<\\/script>';"]
    policy = html.unescape(re.search(r'Content-Security-Policy" content="([^"]+)"', page)[1])
    hashes = [b64encode(hashlib.sha256(body.encode()).digest()).decode() for body in bodies]
    assert policy.split("script-src ")[1].split() == [f"'sha256-{value}'" for value in hashes]
    assert policy.startswith("default-src 'none';")


VENDOR = files("dipfolio.report") / "vendor"


def test_the_drawing_library_is_the_published_file_with_its_licence():
    """The hash was taken from the file that npm hands out; the readme beside it says the same."""
    published = "79542150855a52c567260e3137095dbe2b744e6d702a5cabe67da246942fba7a"
    source = (VENDOR / "plotly-cartesian.min.js").read_bytes()
    assert hashlib.sha256(source).hexdigest() == published
    readme = (VENDOR / "README.md").read_text(encoding="utf-8")
    version = re.search(rb"plotly\.js \(cartesian - minified\) v([\d.]+)", source)[1].decode()
    assert f"`{published}`" in readme
    assert f"| version | {version} |" in readme
    assert (VENDOR / "plotly-LICENSE.txt").read_text(encoding="utf-8").startswith("MIT License")


def test_a_page_with_charts_carries_the_library_compressed_and_its_policy_lets_it_run():
    page = render_page("page.html.j2", scripts=["const a = 1;"], plotly=True, title="T")
    packed = re.search(r'<script type="text/plain" id="library">([A-Za-z0-9+/=]+)</script>', page)[1]
    source = gzip.decompress(b64decode(packed))
    assert source == (VENDOR / "plotly-cartesian.min.js").read_bytes()
    policy = html.unescape(re.search(r'Content-Security-Policy" content="([^"]+)"', page)[1])
    scripts = [source, *(body.encode() for body in re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL))]
    assert len(scripts) == 3
    hashes = [b64encode(hashlib.sha256(body).digest()).decode() for body in scripts]
    assert policy.split("script-src ")[1].split() == [f"'sha256-{value}'" for value in hashes]
    assert len(page) < 750_000
    assert page == render_page("page.html.j2", scripts=["const a = 1;"], plotly=True, title="T")


def test_a_page_without_charts_carries_no_library():
    assert 'id="library"' not in render_page("page.html.j2", scripts=(), title="T")


def test_styles_of_a_page_follow_the_common_ones():
    page = render_page("page.html.j2", scripts=(), styles=("study.css",), title="T")
    assert read_asset("page.css") + read_asset("study.css") in page


def test_an_asset_that_does_not_exist_is_an_error():
    with pytest.raises(FileNotFoundError):
        read_asset("nothing.css")
