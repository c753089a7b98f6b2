"""`make pictures`: draws docs/pictures anew, every page in each state that the tests of pages in a browser look at.

    python -m tests.kit.pictures [PART …]      these parts alone, by the first word of their pictures' names

Those tests leave their pictures in the folder that `PICTURES` names. Here they are made small and listed.
"""

import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "docs" / "pictures"
#: pages have few colors; with these nobody sees a difference
COLORS = 48


@dataclass(frozen=True, slots=True)
class Part:
    """The pages of one test: what their pictures' names begin with, and whom they are for."""

    name: str
    whom: str
    tests: str


PARTS = (
    Part("day", "Staff: the day", "tests/peers/test_desk_pages_in_chromium.py"),
    Part("request", "Staff: a request, and each act", "tests/peers/test_case_in_chromium.py"),
    Part("incoming", "Staff: paper that is received", "tests/pages/test_incoming_in_a_browser.py"),
    Part(
        "paper", "Staff: a CD, a release form among pages, what goes back", "tests/peers/test_incoming_in_chromium.py"
    ),
    Part("parcels", "Staff: outside slides, parcels, loans", "tests/peers/test_packages_in_chromium.py"),
    Part("letters", "Staff: facilities and letters", "tests/peers/test_letter_pages_in_chromium.py"),
    Part("audit", "Auditor, privacy officer", "tests/peers/test_audit_pages_in_chromium.py"),
    Part("operation", "Whoever runs the installation", "tests/peers/test_operation_pages_in_chromium.py"),
    Part("center", "People of a receiving center", "tests/peers/test_center_pages_in_chromium.py"),
    Part("reply", "A facility that answers a letter; the patient", "tests/peers/test_outside_letters_in_chromium.py"),
)


def main() -> int:
    """Ends with what the tests ended with."""
    wanted = [part for part in PARTS if part.name in (sys.argv[1:] or [one.name for one in PARTS])]
    PICTURES.mkdir(exist_ok=True)
    for part in wanted:
        with tempfile.TemporaryDirectory(prefix="rt-") as folder:
            command = [sys.executable, "-m", "pytest", "-q", "-m", "not slow", part.tests]
            done = subprocess.run(command, env={**os.environ, "PICTURES": folder}, cwd=ROOT, check=False)
            if done.returncode:
                return done.returncode
            keep(part, Path(folder))
    (PICTURES / "README.md").write_text(listed())
    return 0


def keep(part: Part, folder: Path) -> None:
    """The part's pictures, made small, in place of those that were there."""
    for old in PICTURES.glob(f"{part.name}-*.png"):
        old.unlink()
    for picture in folder.glob("*.png"):
        with Image.open(picture) as drawn:
            small = drawn.convert("RGB").quantize(COLORS)
            small.save(PICTURES / f"{part.name}-{picture.name.removeprefix(f'{part.name}-')}", optimize=True)


def listed() -> str:
    """The page that lists all pictures."""
    lines = [
        "# Pictures",
        "",
        "Every page in each state, 1280 pixels wide and as on a telephone. `make pictures` draws them.",
    ]
    lines += ["All people are synthetic.", ""]
    for part in PARTS:
        names = {re.sub(r"-(1280|360)$", "", one.stem) for one in PICTURES.glob(f"{part.name}-*.png")}
        lines += [f"## {part.whom}", "", *(_line(part, name) for name in sorted(names)), ""]
    return "\n".join(lines)


def _line(part: Part, name: str) -> str:
    widths = [width for width in ("1280", "360") if (PICTURES / f"{name}-{width}.png").exists()]
    words = name.removeprefix(f"{part.name}-").replace("-", " ")
    return f"- {words}: " + ", ".join(f"[{width}]({name}-{width}.png)" for width in widths)


if __name__ == "__main__":
    sys.exit(main())
