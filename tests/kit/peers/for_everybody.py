"""Whether pages are for everybody: nothing wrong by axe-core, and nothing wider than a telephone."""

import os
from collections.abc import Mapping
from pathlib import Path

from tests.kit.peers import installed
from tests.kit.peers.browser import Window
from transfer.pages.templating import STYLE


def are_for_everybody(window: Window, pages: Mapping[str, str], *, prefix: str = "") -> None:
    """Each page, by its name, on a screen and on a telephone. PICTURES names a folder in which they are to be seen."""
    axe = installed.installed("axe-core", "node/node_modules/axe-core/axe.min.js").read_text()
    for name, page in pages.items():
        window.show(page, STYLE.decode())
        for pixels in (1280, 360):
            window.be_wide(pixels)
            if folder := os.environ.get("PICTURES"):
                (Path(folder) / f"{prefix}{name}-{pixels}.png").write_bytes(window.picture())
            assert window.violations(axe) == [], f"{name} at {pixels}"
            assert window.run("document.documentElement.scrollWidth") <= pixels, f"{name} at {pixels}"
