"""Yahoo's stand-in for the tests that fetch, with yfinance's own small caches in a folder of the test."""

import pytest


@pytest.fixture
def yahoo(tmp_path_factory):
    """A local server that yfinance takes for Yahoo Finance."""
    import yfinance

    from tests.yahoo import Yahoo

    yfinance.set_tz_cache_location(str(tmp_path_factory.mktemp("yfinance")))
    server = Yahoo()
    server.connect()
    yield server
    server.close()
