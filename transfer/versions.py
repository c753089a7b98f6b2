"""Which version of this code runs here."""

import os
import subprocess
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Final

_CHECKOUT: Final = Path(__file__).parents[1]
#: seconds that git may take
_SECONDS: Final = 2.0


@cache
def ours() -> str:
    """The version of the package, as this process found it first."""
    return metadata.version("records-transfer")


@cache
def commit() -> str | None:
    """The commit that the code is of: what TRANSFER_COMMIT says, as an image does that was built with it; else of the
    checkout, where git is installed. None: nobody knows.
    """
    if said := os.environ.get("TRANSFER_COMMIT"):
        return said[:40]
    if not (_CHECKOUT / ".git").exists():
        return None
    asked = ["git", "-C", str(_CHECKOUT), "rev-parse", "--short=12", "HEAD"]
    try:
        told = subprocess.run(asked, capture_output=True, text=True, timeout=_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return told.stdout.strip() or None


def with_commit() -> str:
    """The version of the package, with the commit where it is known."""
    of = commit()
    return f"{ours()} ({of})" if of else ours()
