# Short names for the commands of this project; `just` alone lists them. Each also works as it stands here.
export PATH := justfile_directory() / ".venv/bin:" + env("PATH")

[private]
list:
    @{{ just_executable() }} --list --unsorted

# the tests, or those named
test *which:
    python -m pytest {{ which }}

# format, lint and types
lint:
    ruff format --check . && ruff check . && mypy

# what the strategies traded, against what is pinned: shown and written down anew (--check only shows)
golden *options:
    python -m tools.golden {{ options }}

# the tests with the coverage of every module, under the limit of pyproject.toml
coverage:
    python -m pytest --cov --cov-report=term-missing:skip-covered

# a market of 500 symbols by 5,000 sessions, and 500 runs in one process: memory and file handles
endurance:
    python -m tests.support.long_runs big && python -m tests.support.long_runs soak

# speed, side by side with the others
bench *what:
    python -m benchmarks {{ what }}

# the pictures of the README, from real runs
pictures:
    python tools/pictures.py
