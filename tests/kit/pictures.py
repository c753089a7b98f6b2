"""`make pictures`: draws docs/pictures anew, every page in each state that the tests of pages in a browser look at.

Those tests leave their pictures in the folder that `PICTURES` names. Here they are made small and listed.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "docs" / "pictures"
#: pages have few colors; with these nobody sees a difference
COLORS = 48
#: whom the pages of a test are for
FOR_WHOM = {
    "tests/peers/test_desk_pages_in_chromium.py": "Staff: the day",
    "tests/peers/test_case_in_chromium.py": "Staff: a request, and each act",
    "tests/pages/test_incoming_in_a_browser.py": "Staff: paper that comes in",
    "tests/peers/test_packages_in_chromium.py": "Staff: parcels and loans",
    "tests/peers/test_letter_pages_in_chromium.py": "Staff: letters and facilities",
    "tests/peers/test_audit_pages_in_chromium.py": "Auditor, privacy officer",
    "tests/peers/test_center_pages_in_chromium.py": "People of a receiving center",
    "tests/peers/test_outside_letters_in_chromium.py": "A facility that answers a letter; the patient",
}


def main() -> int:
    """Ends with what the tests ended with."""
    told = [
        "# Pictures\n",
        "Every page in each state, 1280 pixels wide; most as on a telephone, too. Made by `make pictures`;",
    ]
    told.append("all people are synthetic.\n")
    PICTURES.mkdir(exist_ok=True)
    for old in PICTURES.glob("*.png"):
        old.unlink()
    for tests, whom in FOR_WHOM.items():
        with tempfile.TemporaryDirectory(prefix="rt-") as folder:
            done = subprocess.run(
                [sys.executable, "-m", "pytest", "-q", "-m", "not slow", tests],
                env={**os.environ, "PICTURES": folder},
                cwd=ROOT,
                check=False,
            )
            if done.returncode:
                return done.returncode
            told += [f"## {whom}\n", *_kept(Path(folder)), ""]
    (PICTURES / "README.md").write_text("\n".join(told))
    return 0


def _kept(folder: Path) -> list[str]:
    """Make each picture small. The lines that list them."""
    lines: dict[str, dict[str, str]] = {}
    for picture in sorted(folder.glob("*.png")):
        with Image.open(picture) as drawn:
            drawn.convert("RGB").quantize(COLORS).save(PICTURES / picture.name, optimize=True)
        found = re.fullmatch(r"(.+)-(1280|360)", picture.stem)
        name, width = (found[1], found[2]) if found else (picture.stem, "1280")
        lines.setdefault(name, {})[width] = picture.name
    return [
        f"- {name.replace('-', ' ')}: "
        + ", ".join(f"[{width}]({file})" for width, file in sorted(of.items(), reverse=True))
        for name, of in lines.items()
    ]


if __name__ == "__main__":
    sys.exit(main())
