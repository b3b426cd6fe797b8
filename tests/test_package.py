"""What a notebook imports."""

import subprocess
import sys

import pytest

import dipfolio


@pytest.mark.parametrize("name", dipfolio.__all__)
def test_every_public_name_can_be_imported(name):
    assert getattr(dipfolio, name) is not None
    assert name in dir(dipfolio)


def test_a_name_that_is_not_there_is_told_with_those_that_are():
    with pytest.raises(AttributeError, match="dipfolio has no 'Portfolio'; it has Account, At"):
        _ = dipfolio.Portfolio


def test_the_package_itself_imports_nothing_heavy():
    code = "import dipfolio, sys; print([m for m in ('numpy', 'pandas', 'backtrader', 'click') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
