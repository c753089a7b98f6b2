"""Whether pages are for everybody: nothing wrong by axe-core, and nothing wider than a telephone."""

import os
from collections.abc import Mapping
from pathlib import Path

from tests.kit.peers import installed
from tests.kit.peers.browser import Window
from transfer.pages.templating import STYLE


def barriers(window: Window, pages: Mapping[str, str], *, prefix: str = "") -> list[str]:
    """What keeps somebody from a page, by its name, on a screen and on a telephone. PICTURES names a folder
    in which the pages are to be seen.
    """
    axe = installed.installed("axe-core", "node/node_modules/axe-core/axe.min.js").read_text()
    found = []
    for name, page in pages.items():
        window.show(page, STYLE.decode())
        for pixels in (1280, 360):
            window.be_wide(pixels)
            if folder := os.environ.get("PICTURES"):
                (Path(folder) / f"{prefix}{name}-{pixels}.png").write_bytes(window.picture())
            found += [f"{name} at {pixels}: {one}" for one in window.violations(axe)]
            if (wide := window.run("document.documentElement.scrollWidth")) > pixels:
                found.append(f"{name} at {pixels}: {wide} wide")
    return found
