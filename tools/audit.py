"""Known vulnerabilities of what is installed, as pip-audit finds them: ``python tools/audit.py .venv/bin/python``.

pip-audit lives in an environment of its own that is thrown away, so that what it needs is neither audited with the rest nor
changes it. Nothing fails for lack of a network, of pip-audit or of an answer: the reason is printed, and that is all. A
vulnerability is printed; it fails only if a release without it can be installed beside everything that this project asks for,
because then it is ours to allow or to require it.
"""

import json
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PATIENCE = 180
"""Seconds for each step that needs the network."""


class NoAnswerError(Exception):
    """Why nothing is known."""


def main(python: str) -> int:
    """Ask, print, and say with the exit code whether something has to be done."""
    try:
        return judge(answer(python), lambda name, version: installable(python, name, version))
    except NoAnswerError as reason:
        print(f"pip-audit skipped: {reason}")
        return 0


def judge(report: dict[str, Any], can_be_had: Callable[[str, str], bool]) -> int:
    """Print what a report says; 1 if a vulnerability can be avoided.

    Parameters
    ----------
    report : dict
        As pip-audit writes it.
    can_be_had : callable
        Whether a release, by name and version, can be installed beside what the project asks for.

    Raises
    ------
    NoAnswerError
        The service knows none of the packages, so that its silence says nothing.
    """
    known = [package for package in report["dependencies"] if "skip_reason" not in package]
    if not known:
        raise NoAnswerError(f"the service knows none of the {len(report['dependencies'])} packages")
    flaws = [(package, flaw) for package in known for flaw in package.get("vulns", ())]
    avoidable = 0
    for package, flaw in flaws:
        fixed = flaw["fix_versions"][-1] if flaw["fix_versions"] else ""
        had = bool(fixed) and can_be_had(package["name"], fixed)
        avoidable += had
        then = f"{fixed} {'can' if had else 'cannot'} be installed here" if fixed else "no release is without it yet"
        print(f"{'VULNERABLE' if had else 'vulnerable'}: {package['name']} {package['version']}, {flaw['id']}; {then}.")
    print(f"pip-audit: {len(known)} packages looked up, {len(flaws)} known vulnerabilities, {avoidable} of them avoidable.")
    return int(avoidable > 0)


def answer(python: str) -> dict[str, Any]:
    """What pip-audit says of the packages of an interpreter."""
    with tempfile.TemporaryDirectory() as folder:
        place, report = Path(folder) / "venv", Path(folder) / "report.json"
        venv.create(place, with_pip=True)
        auditor = place / "bin" / "python"
        run([auditor, "-m", "pip", "install", "-q", "pip-audit"], "pip-audit cannot be installed")
        packages = run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], f"{python} cannot be asked")
        words = ["--path", packages.strip(), "--format", "json", "--output", report, "--progress-spinner", "off"]
        run([auditor, "-m", "pip_audit", *words], "the service gave no answer", fine=(0, 1))
        try:
            return dict(json.loads(report.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            raise NoAnswerError("the service gave no answer that can be read") from error


def installable(python: str, name: str, version: str) -> bool:
    """Whether pip finds a way to install that release beside the project and its test extra."""
    words = [python, "-m", "pip", "install", "--dry-run", "-q", f"{name}=={version}", f"{ROOT}[test]"]
    try:
        run(words, "")
    except NoAnswerError:
        return False
    return True


def run(command: list[Any], trouble: str, fine: tuple[int, ...] = (0,)) -> str:
    """The standard output of a command, or the reason why there is none."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=False)  # noqa: S603 - our own words
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoAnswerError(f"{trouble}: {type(error).__name__}") from error
    if done.returncode not in fine:
        raise NoAnswerError(f"{trouble}: {(done.stderr.strip() or 'no reason given').splitlines()[-1][:200]}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else sys.executable))
