"""Whether pages are for everybody: nothing wrong by axe-core, and nothing wider than a telephone."""

import base64
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.kit.peers import installed
from tests.kit.peers.browser import Window
from transfer.pages.templating import STYLE

#: whether each picture of a page is there, and is one
_ARE_SEEN = "[...document.images].every(one => one.complete && one.naturalWidth > 0)"


def barriers(
    window: Window, pages: Mapping[str, str], *, prefix: str = "", fetch: Callable[[str], bytes] | None = None
) -> list[str]:
    """What keeps somebody from a page, by its name, on a screen and on a telephone. PICTURES names a folder
    in which the pages are to be seen. `fetch`: the JPEG at a path, of pages with pictures: they are shown without their
    server.
    """
    axe = installed.installed("axe-core", "node/node_modules/axe-core/axe.min.js").read_text()
    found = []
    for name, page in pages.items():
        window.show(with_pictures(page, fetch) if fetch else page, STYLE.decode())
        if fetch:
            window.until(lambda: window.run(_ARE_SEEN), "its pictures")
        for pixels in (1280, 360):
            window.be_wide(pixels)
            if folder := os.environ.get("PICTURES"):
                (Path(folder) / f"{prefix}{name}-{pixels}.png").write_bytes(window.picture())
            found += [f"{name} at {pixels}: {one}" for one in window.violations(axe)]
            if (wide := window.run("document.documentElement.scrollWidth")) > pixels:
                found.append(f"{name} at {pixels}: {wide} wide")
    return found


def with_pictures(page: str, fetch: Callable[[str], bytes]) -> str:
    """The page with its pictures in it, each there at once."""
    in_it: Callable[[re.Match[str]], str] = lambda found: (  # noqa: E731  of one expression
        f'src="data:image/jpeg;base64,{base64.b64encode(fetch(found[1])).decode()}"'
    )
    return re.sub(r'(?<=<img )src="(/[^"]+)"', in_it, page).replace(' loading="lazy"', "")
