"""The program in processes that are killed at a chosen moment: before the n-th time they change something on disk.

Run as ``python -m tests.support.killed_process``: it imports everything once, then reads a request, one JSON object a line, forks
a real process for each, lets that run the command line, and answers with its exit code, its output and how often it was about to
change something. What costs seconds and writes nothing, the drawing of a tear sheet, is left out.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
CHANGES = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.truncate")
PAGE = "<!DOCTYPE html><html><head></head><body>a page</body></html>"


class Mortal:
    """The other end: asks such a program, and waits for each answer."""

    def __init__(self, **surroundings):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.killed_process"],
            cwd=ROOT,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **surroundings},
        )

    def __call__(self, home, *words, dies_before=None, port=None, terminal=False):
        """Exit code (negative for a signal), standard output and error (one on a terminal), and the number of changes."""
        request = {"home": str(home), "words": [str(word) for word in words], "dies_before": dies_before, "port": port}
        request["terminal"] = terminal
        print(json.dumps(request), file=self.process.stdin, flush=True)
        answer = json.loads(self.process.stdout.readline())
        return answer["code"], answer["out"], answer["err"], answer["changes"]

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=60)
        self.process.stdout.close()


def count_changes(counter, dies_before):
    """Count them in a file of eight bytes, and die before the one that is wanted."""
    changes = 0

    def heard(event, arguments):
        nonlocal changes
        writes = event == "open" and arguments[2] is not None and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        if (writes and str(arguments[0]) != "/dev/null") or event in CHANGES:
            changes += 1
            os.pwrite(counter, changes.to_bytes(8, "little"), 0)
            if changes == dies_before:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(heard)


def run(request, out, err, counter):
    """In the child: never returns."""
    from dipfolio.cli.app import main

    os.chdir(request["home"])
    os.dup2(out, 1)
    os.dup2(err, 2)
    if request["port"]:
        connect(request["port"])
    count_changes(counter, request["dies_before"])
    code = 1
    try:
        main(home=Path(request["home"]), arguments=request["words"])
    except SystemExit as left:
        code = left.code or 0
    except BaseException:
        import traceback

        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def connect(port):
    from yfinance.data import YfData

    from tests.support.yahoo import Detour

    data = YfData(session=Detour(port))
    data._cookie = data._crumb = None


def prepare():
    """Run each command once, so that a fork has nothing left to import."""
    from contextlib import redirect_stdout, suppress

    import yfinance  # noqa: F401

    from dipfolio.report import tearsheet

    tearsheet.tear_sheet = lambda *_, **__: PAGE
    from dipfolio.cli.app import main
    from dipfolio.data import update  # noqa: F401

    warm = (["hold-benchmark", "--end", "2024-01-31"], ["sweep", "hold-benchmark", "--fill", "open,close", "--end", "2024-01-31"])
    with tempfile.TemporaryDirectory() as folder, open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
        for words in warm:
            with suppress(SystemExit):
                main(home=ROOT, arguments=[*words, "--reports", folder])


def copy(terminal, file):
    """What arrives on a terminal until nobody writes there any more."""
    while True:
        try:
            file.write(os.read(terminal, 65536))
        except OSError:
            os.close(terminal)
            return


def serve():
    prepare()
    for line in sys.stdin:
        request = json.loads(line)
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, tempfile.TemporaryFile() as counter:
            outer, inner = os.openpty() if request["terminal"] else (None, None)
            child = os.fork()
            if child == 0:
                run(request, inner or out.fileno(), inner or err.fileno(), counter.fileno())
            if outer:
                os.close(inner)
                copy(outer, out)
            _, status = os.waitpid(child, 0)
            said = [file.seek(0) or file.read() for file in (out, err, counter)]
        answer = {
            "code": os.waitstatus_to_exitcode(status), "out": said[0].decode(), "err": said[1].decode(),
            "changes": int.from_bytes(said[2], "little"),
        }  # fmt: skip
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    serve()
