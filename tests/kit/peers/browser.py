"""Chromium led by a hand: addresses are typed, links followed by their words, fields filled by their labels.

It is spoken to by the Chrome DevTools Protocol (https://chromedevtools.github.io/devtools-protocol).
"""

import base64
import itertools
import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import urllib3
from websockets.sync.client import ClientConnection, connect

from tests.kit.peers import installed
from tests.kit.peers.chromium import FLAGS
from transfer.embedded.process import inherited

#: seconds in which a page has to become what is waited for
MAX_WAIT_SECONDS = 90.0

#: an element that people see by these words: a link, a button
_BY_WORDS = """(words) => [...document.querySelectorAll('a, button, summary, input[type=submit]')]
    .find(one => (one.innerText || one.value || '').trim() === words)"""
_BY_LABEL = """(words) => {
    const label = [...document.querySelectorAll('label')].find(one => one.innerText.trim() === words);
    return label && (label.control || label.querySelector('input, textarea, select')); }"""

#: keys that are no signs
_KEYS: dict[str, dict[str, Any]] = {
    "\n": {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"},
    "\t": {"key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9},
}

#: whether a page is there, and its field that has the focus by itself has it
_FOCUS_STANDS = """document.readyState === 'complete' &&
    (document.activeElement !== document.body || !document.querySelector('[autofocus]'))"""
#: what people hear of what is focused: its label, else its words
_FOCUSED = """(() => { const one = document.activeElement; const label = one.labels && one.labels[0];
    return ((label ? label.innerText : one.innerText || one.value) || '').trim(); })()"""
#: whether what is focused is one of the radio buttons among which these words are
_GROUP = """(words) => { const one = document.activeElement;
    return one.type === 'radio' && [...document.getElementsByName(one.name)]
        .some(other => other.labels[0].innerText.trim() === words); }"""
#: more than any page has links and fields
_MOST_TABS = 300


class Window:
    """One window with one page."""

    def __init__(self, wire: ClientConnection) -> None:
        self._wire = wire
        self._numbers = itertools.count(1)
        #: status and address of every answer since `listen`
        self.answers: list[tuple[int, str]] = []
        #: the state of the download that began last, and how many bytes of it came; None: none began
        self.download: tuple[str, int] | None = None

    def listen(self) -> None:
        """From now on `answers` grows."""
        self._ask("Network.enable")

    def keep_downloads(self, folder: Path) -> None:
        """From now on files are kept there, and `download` says how the last one stands."""
        self._ask("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder), eventsEnabled=True)

    def click(self, words: str) -> None:
        """Click the link or button with exactly these words, and wait for nothing."""
        found = self.run(f"(() => {{ const one = ({_BY_WORDS})({json.dumps(words)}); one?.click(); return !!one }})()")
        assert found, f"no link or button «{words}» on: {self.text}"

    @contextmanager
    def other_tab(self) -> "Iterator[Window]":
        """The tab that a link of this one opened, with the same cookies."""
        ours = self._ask("Target.getTargetInfo")["targetInfo"]["targetId"]

        def opened() -> list[str]:
            found = self._ask("Target.getTargets")["targetInfos"]
            return [one["targetId"] for one in found if one["type"] == "page" and one["targetId"] != ours]

        self.until(opened, "another tab")
        host = f"127.0.0.1:{self._wire.remote_address[1]}"
        with connect(f"ws://{host}/devtools/page/{opened()[0]}", proxy=None, max_size=None) as wire:
            yield Window(wire)

    @property
    def url(self) -> str:
        return str(self.run("location.href"))

    @property
    def title(self) -> str:
        return str(self.run("document.title"))

    @property
    def text(self) -> str:
        """What people read."""
        return str(self.run("document.body ? document.body.innerText : ''"))

    def type_address(self, url: str) -> None:
        """As if typed: no page led there."""
        self._ask("Page.navigate", url=url)
        self.until(lambda: self.url != "about:blank" and self.run("document.readyState") == "complete")

    def follow(self, words: str) -> None:
        """Click the link or button with exactly these words, and wait for the page it leads to."""
        self.run("window.__left = true")
        found = self.run(f"(() => {{ const one = ({_BY_WORDS})({json.dumps(words)}); one?.click(); return !!one }})()")
        assert found, f"no link or button «{words}» on: {self.text}"
        self.until(lambda: not self.run("window.__left") and self.run("document.readyState") == "complete")

    def fill(self, label: str, text: str) -> None:
        """Type into the field with exactly this label."""
        script = f"(() => {{ const one = ({_BY_LABEL})({json.dumps(label)}); one?.focus(); return !!one }})()"
        assert self.run(script), f"no field «{label}» on: {self.text}"
        self._ask("Input.insertText", text=text)

    def choose_file(self, label: str, file: Path) -> None:
        """Choose a file in the field with exactly this label, as the dialog of the browser would."""
        found = self._ask("Runtime.evaluate", expression=f"({_BY_LABEL})({json.dumps(label)})")["result"]
        assert "objectId" in found, f"no field «{label}» on: {self.text}"
        self._ask("DOM.setFileInputFiles", files=[str(file)], objectId=found["objectId"])

    def tick(self, label: str) -> None:
        """Tick the box with exactly this label by the keyboard."""
        self.tab_to(label)
        self.press(" ")

    def type_keys(self, text: str) -> int:
        """Type into whatever has the focus, key by key, as a hand or a reader of barcodes does: `\t` and `\n` are Tab
        and Enter. How many keys it took.

        It waits until the page is there and what has the focus by itself has it: a hand sees that.
        """
        self.until(lambda: self.run(_FOCUS_STANDS))
        for sign in text:
            self._ask("Input.dispatchKeyEvent", type="keyDown", **_KEYS.get(sign, {"text": sign, "key": sign}))
            self._ask("Input.dispatchKeyEvent", type="keyUp", **_KEYS.get(sign, {"key": sign}))
        return len(text)

    def press(self, *keys: str) -> None:
        """Press keys by their names (https://www.w3.org/TR/uievents-key/), one after another."""
        for key in keys:
            text = {"text": key} if key == " " else {}
            code = {"ArrowDown": 40, "ArrowUp": 38, "Tab": 9, " ": 32}[key]
            for event in ("keyDown", "keyUp"):
                self._ask("Input.dispatchKeyEvent", type=event, key=key, windowsVirtualKeyCode=code, **text)

    def press_access_key(self, key: str) -> None:
        """Press Alt with a letter, which follows the link that has it as its access key."""
        code = {"code": f"Key{key.upper()}", "windowsVirtualKeyCode": ord(key.upper()), "unmodifiedText": key}
        for event in ("keyDown", "keyUp"):
            self._ask("Input.dispatchKeyEvent", type=event, key=key, modifiers=1, **code)

    def tab_to(self, words: str) -> None:
        """Press Tab until what is focused is called so: a link or a button by its words, a field by its label."""
        for _ in range(_MOST_TABS):
            self.press("Tab")
            if self.run(_FOCUSED) == words:
                return
        raise AssertionError(f"no way by keyboard to «{words}» on: {self.text}")

    def choose(self, words: str) -> None:
        """Press Tab until a group of radio buttons has this one among them, then the arrow until it is chosen."""
        group = f"(({_GROUP})({json.dumps(words)}))"
        for _ in range(_MOST_TABS):
            if self.run(group):
                break
            self.press("Tab")
        self.press(" ")
        for _ in range(_MOST_TABS):
            if self.run(_FOCUSED) == words:
                return
            self.press("ArrowDown")
        raise AssertionError(f"no way by keyboard to choose «{words}» on: {self.text}")

    def go(self, keys: str) -> None:
        """Type keys that lead to another page, and wait for it."""
        self.run("window.__left = true")
        self.type_keys(keys)
        self.until(lambda: not self.run("window.__left") and self.run("document.readyState") == "complete")

    def without_script(self) -> None:
        """No page runs a script from here on."""
        self._ask("Emulation.setScriptExecutionDisabled", value=True)

    def until_says(self, words: str) -> None:
        """Wait until the page says this."""
        self.until(lambda: words in self.text, f"«{words}»")

    def until(self, holds: Callable[[], object], what: str = "the page") -> None:
        end = time.monotonic() + MAX_WAIT_SECONDS
        while not self._tried(holds):
            assert time.monotonic() < end, f"waited for {what} on: {self.url} {self.text}"
            time.sleep(0.05)

    def until_quiet(self, seconds: float = 1.0) -> None:
        """Wait until no answer has come for so long."""
        heard, since = len(self.answers), time.monotonic()

        def is_quiet() -> bool:
            nonlocal heard, since
            self.run("0")  # answers are heard while something is asked
            if len(self.answers) != heard:
                heard, since = len(self.answers), time.monotonic()
            return time.monotonic() - since >= seconds

        self.until(is_quiet, "silence")

    def run(self, script: str) -> Any:
        """What a script gives in the page; the page's own policy does not bind it."""
        said = self._ask("Runtime.evaluate", expression=script, returnByValue=True)
        return said["result"].get("value")

    def show(self, page: str, style: str) -> None:
        """A page as it was answered, without its server; `style` in place of its stylesheet."""
        self.type_address("about:blank#shown")
        frame = self._ask("Page.getFrameTree")["frameTree"]["frame"]["id"]
        html = re.sub(r'<link rel="stylesheet"[^>]*>', lambda _: f"<style>{style}</style>", page)
        self._ask("Page.setDocumentContent", frameId=frame, html=html)

    def be_wide(self, pixels: int) -> None:
        """As wide as a screen of so many CSS pixels."""
        self._ask(
            "Emulation.setDeviceMetricsOverride", width=pixels, height=900, deviceScaleFactor=1, mobile=pixels < 500
        )

    def picture(self) -> bytes:
        """The whole page as people see it, PNG."""
        taken = self._ask("Page.captureScreenshot", captureBeyondViewport=True)
        return base64.b64decode(taken["data"])

    def printed(self) -> bytes:
        """The page as it comes out of a printer, on US letter: PDF."""
        taken = self._ask("Page.printToPDF", preferCSSPageSize=True, printBackground=True)
        return base64.b64decode(taken["data"])

    def violations(self, axe: str) -> list[str]:
        """What axe-core finds wrong by WCAG 2.2 A and AA, and where."""
        self.run(axe)
        tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
        rules = json.dumps({"runOnly": tags})
        self.run(f"window.__found = null; axe.run({rules}).then(found => {{ window.__found = found.violations }})")
        self.until(lambda: self.run("window.__found !== null"), "axe")
        wrong = json.loads(self.run("JSON.stringify(window.__found)"))
        return [f"{one['id']}: {node['html']}" for one in wrong for node in one["nodes"]]

    def cookies(self) -> list[dict[str, Any]]:
        """All that the browser holds, of every site."""
        found: list[dict[str, Any]] = self._ask("Storage.getCookies")["cookies"]
        return found

    def _tried(self, holds: Callable[[], object]) -> bool:
        try:
            return bool(holds())
        except LookupError:  # a page that is just being left
            return False

    def _ask(self, method: str, **parameters: object) -> dict[str, Any]:
        number = next(self._numbers)
        self._wire.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            said = json.loads(self._wire.recv(timeout=MAX_WAIT_SECONDS))
            if said.get("method") == "Network.responseReceived":
                answer = said["params"]["response"]
                self.answers.append((answer["status"], answer["url"]))
            if said.get("method") == "Browser.downloadProgress":
                self.download = said["params"]["state"], int(said["params"]["receivedBytes"])
            if said.get("id") == number:
                if "error" in said:
                    raise LookupError(said["error"]["message"])
                result: dict[str, Any] = said["result"]
                return result


@contextmanager
def a_window() -> Iterator[Window]:
    """A browser that nobody used before, with no script of its own and no cookie."""
    program = installed.program("chromium")
    with TemporaryDirectory(prefix="rt-", ignore_cleanup_errors=True) as folder:
        profile = Path(folder) / "profile"
        browser = subprocess.Popen(
            [str(program), *FLAGS, f"--user-data-dir={profile}", "--remote-debugging-port=0", "about:blank"],
            env=inherited(HOME=folder, TMPDIR=folder, XDG_CONFIG_HOME=f"{folder}/config"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            with connect(_page(profile), proxy=None, max_size=None) as wire:
                yield Window(wire)
        finally:
            browser.terminate()
            browser.wait(timeout=20)


def _page(profile: Path) -> str:
    """Where the window's page is spoken to."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            port = (profile / "DevToolsActivePort").read_text().splitlines()[0]
            with urllib3.PoolManager(retries=False, timeout=10) as http:
                pages = http.request("GET", f"http://127.0.0.1:{port}/json/list").json()
            return next(str(one["webSocketDebuggerUrl"]) for one in pages if one["type"] == "page")
        except (OSError, IndexError, ValueError, StopIteration, urllib3.exceptions.HTTPError):
            time.sleep(0.1)
    raise AssertionError("Chromium does not come up")
