"""Firefox, driven over WebDriver BiDi: one process, its tabs, what they say on the console and what they ask for.

The protocol is that of https://www.w3.org/TR/webdriver-bidi/. Firefox speaks it itself, on the websocket of
``--remote-debugging-port``. Playwright 1.65 speaks it too, but every context that it makes needs the command
``emulation.setMediaFeaturesOverride``, which Firefox 153 does not have; geckodriver is no package of Debian's.
"""

import json
import os
import re
import subprocess
import time
from base64 import b64decode
from contextlib import contextmanager

from websockets.sync.client import connect

PATIENCE = 90
"""Seconds after which something that should happen is taken as not happening; no test depends on the time that it takes."""
PREFERENCES = {
    "app.normandy.enabled": False,
    "browser.safebrowsing.downloads.enabled": False,
    "browser.backup.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "dom.max_script_run_time": 0,
    "services.settings.server": "data:,",
    "toolkit.telemetry.enabled": False,
}
"""What a Firefox that nobody uses need not ask the network for. It stops no script that is slow on a busy machine."""
SCHEME = "layout.css.prefers-color-scheme.content-override"
SCHEMES = {"dark": 0, "light": 1}


@contextmanager
def started(program, folder):
    """A Firefox with a home and a profile of its own in the folder; it is gone after the block.

    Raises
    ------
    RuntimeError
        Firefox ended before it could be reached; the message has its last words.
    TimeoutError
        Firefox did not open its websocket.
    """
    profile, log = folder / "profile", folder / "firefox.log"
    profile.mkdir()
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in PREFERENCES.items()]
    (profile / "user.js").write_text("".join(lines), encoding="utf-8")
    words = [program, "--headless", "--no-remote", "--profile", str(profile)]
    words += ["--remote-debugging-port=0", "--remote-allow-system-access"]
    with (
        log.open("wb") as output,
        subprocess.Popen(words, stdout=output, stderr=output, env={**os.environ, "HOME": str(folder)}) as process,
    ):
        try:
            address = _address(process, log)
            with connect(f"{address}/session", max_size=None, proxy=None, compression=None) as socket:
                firefox = Firefox(socket)
                yield firefox
                firefox.send("browser.close")
                process.wait(PATIENCE)
        finally:
            process.kill()


def _address(process, log):
    """The address of the websocket, which Firefox prints."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        words = log.read_text(encoding="utf-8", errors="replace")
        if found := re.search(r"WebDriver BiDi listening on (ws://\S+)\n", words):
            return found[1]
        if process.poll() is not None:
            raise RuntimeError(f"Firefox ended with code {process.returncode}: {words[-500:]}")
        time.sleep(0.05)
    raise TimeoutError("Firefox did not open its websocket.")


class Firefox:
    """The session of one process. ``said`` has the messages of all tabs, ``asked`` the addresses that they asked for.

    Firefox does not report files that a page reads from disk.
    """

    def __init__(self, socket):
        self._socket, self._number = socket, 0
        self.said, self.asked = [], []
        self.version = self.send("session.new", capabilities={})["capabilities"]["browserVersion"]
        self.send("session.subscribe", events=["log.entryAdded", "network.beforeRequestSent"])
        self._window = self.send("browsingContext.getTree", **{"moz:scope": "chrome"})["contexts"][0]["context"]

    def send(self, method, **parameters):
        """The result of a command; events that come before it are kept."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self._socket.recv(timeout=PATIENCE))
            if answer.get("id") == self._number:
                break
            self._keep(answer)
        if answer["type"] == "error":
            raise RuntimeError(f"{method}: {answer['error']}: {answer['message']}")
        return answer["result"]

    def _keep(self, event):
        if event.get("method") == "log.entryAdded":
            self.said.append(f"{event['params']['level']}: {event['params']['text']}")
        elif event.get("method") == "network.beforeRequestSent":
            self.asked.append(event["params"]["request"]["url"])

    def evaluate(self, context, expression):
        """What an expression is once it has settled, as the protocol says it."""
        given = self.send("script.evaluate", expression=expression, target={"context": context}, awaitPromise=True)
        if given["type"] == "exception":
            raise RuntimeError(f"{expression}: {given['exceptionDetails']['text']}")
        return given["result"]

    def open(self, address, *, width=1280, height=900, theme="light"):
        """A new tab, with an address that has been loaded."""
        self.evaluate(self._window, f"Services.prefs.setIntPref({json.dumps(SCHEME)}, {SCHEMES[theme]})")
        context = self.send("browsingContext.create", type="tab")["context"]
        size = {"width": width, "height": height}
        self.send("browsingContext.setViewport", context=context, viewport=size, devicePixelRatio=1)
        self.send("browsingContext.navigate", context=context, url=address, wait="complete")
        return Tab(self, context)


class Tab:
    """A tab of Firefox with one page."""

    def __init__(self, firefox, context):
        self._firefox, self._context = firefox, context

    def run(self, expression):
        """The value of an expression, as JSON can say it."""
        found = self._firefox.evaluate(self._context, f"(async () => JSON.stringify(await ({expression})))()")
        return json.loads(found["value"]) if "value" in found else None

    def wait_for(self, expression):
        """Wait until an expression is true."""
        end = time.monotonic() + PATIENCE
        while not self.run(f"Boolean({expression})"):
            if time.monotonic() > end:
                raise TimeoutError(f"never true: {expression}")
            time.sleep(0.05)

    def click(self, selector, text=None):
        """Click the one visible element of a CSS selector, with that text if one is given."""
        press = [{"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}]
        self._point(self._element(selector, text), press)

    def hover(self, selector):
        """Move the pointer over an element."""
        self._point(self._element(selector, None), [])

    def fill(self, selector, value):
        """Give a field or a list a value, as a person does who leaves it afterwards."""
        self.run(f"""(() => {{
            const field = document.querySelector({json.dumps(selector)});
            field.value = {json.dumps(value)};
            for (const kind of ["input", "change"]) field.dispatchEvent(new Event(kind, {{ bubbles: true }}));
        }})()""")

    def picture(self, path):
        """Save what is in view as a PNG."""
        path.write_bytes(b64decode(self._firefox.send("browsingContext.captureScreenshot", context=self._context)["data"]))

    def close(self):
        self._firefox.send("browsingContext.close", context=self._context)

    def _element(self, selector, text):
        """The one visible element, in the middle of the window."""
        same = "" if text is None else f" && element.textContent.trim() === {json.dumps(text)}"
        found = self._firefox.evaluate(
            self._context,
            f"[...document.querySelectorAll({json.dumps(selector)})]"
            f".filter(element => element.checkVisibility({{ visibilityProperty: true }}){same})",
        )["value"]
        if len(found) != 1:
            raise LookupError(f"{len(found)} visible elements are {selector} {text or ''}".rstrip())
        element = {"sharedId": found[0]["sharedId"]}
        self._firefox.send(
            "script.callFunction", functionDeclaration="element => element.scrollIntoView({ block: 'center' })",
            arguments=[element], target={"context": self._context}, awaitPromise=False,
        )  # fmt: skip
        return element

    def _point(self, element, then):
        move = {"type": "pointerMove", "x": 0, "y": 0, "origin": {"type": "element", "element": element}}
        mouse = {"type": "pointer", "id": "mouse", "actions": [move, *then]}
        self._firefox.send("input.performActions", context=self._context, actions=[mouse])
