"""The sheets of an institution, written beside its file."""

from pathlib import Path

from transfer import institutions
from transfer.connecting.firewall import firewall_sheet
from transfer.connecting.handouts import as_html, as_markdown
from transfer.connecting.interfaces import interface_specification
from transfer.own_forms import load_states
from transfer.settings import Settings, read


def write_handouts(file: Path, folder: Path, settings: Settings) -> list[str]:
    """Write both sheets as Markdown and HTML, and say what the files are called. Doing it twice writes them anew.

    Raises:
        ValueError: the institution's file does not load; names the place.
    """
    names = {**settings.names, **read(file.with_suffix(".env"))}
    institution = institutions.load_one(file, names, load_states(settings.institutions / "states"))
    wrote = []
    for handout in (firewall_sheet(institution, settings), interface_specification(institution, settings)):
        for ending, text in (("md", as_markdown(handout)), ("html", as_html(handout))):
            (folder / f"{handout.name}.{ending}").write_text(text, encoding="utf-8")
            wrote.append(f"{handout.name}.{ending}")
    return wrote
