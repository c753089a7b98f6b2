"""`python -m tests.campaigns.pages FOLDER...`: documents beside our pages of them; ends with 1 where they differ."""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pypdfium2

from tests.campaigns.pages.beside import Compared, Drawn, compared, drawn
from tests.campaigns.pages.originals import Word, of_clinical_document, of_page, of_rich_text, of_text
from transfer import media_types
from transfer.adapters.packet.narrative.characters import declared_in_html, decoded
from transfer.adapters.packet.pdf_parts import type_of


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.pages", description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    counted: Counter[str] = Counter()
    for path, found in _found(parser.parse_args().folders):
        counted["documents"] += 1
        counted[found.how] += 1
        counted["words" if isinstance(found, Compared) else "pages of PDFs"] += (
            found.words if isinstance(found, Compared) else found.pages
        )
        if said := _wrong(found):
            counted["different"] += 1
            _tell(f"{path.name}: {said}")
    _tell(", ".join(f"{name} {count}" for name, count in counted.items()))
    return 1 if counted["different"] or not counted["documents"] else 0


def _found(folders: list[Path]) -> Iterator[tuple[Path, Compared | Drawn]]:
    for path in sorted(path for folder in folders for path in folder.rglob("*") if path.is_file()):
        if found := beside(path.read_bytes(), _SAID.get(path.suffix.lower(), "")):
            yield path, found


def beside(data: bytes, said: str) -> Compared | Drawn | None:
    """A document of a kind that is compared beside its pages; None for others, and for PDFs that only we can open."""
    kind = type_of(said, data).partition(";")[0]
    if kind == media_types.PDF:
        try:
            return drawn(data)
        except pypdfium2.PdfiumError:
            return None
    original = _original(kind, data)
    return compared(original, data, kind) if original is not None else None


def _original(kind: str, data: bytes) -> list[Word] | None:
    if kind == media_types.CDA:
        return of_clinical_document(data)
    if kind == media_types.HTML:
        return of_page(decoded(data, declared_in_html(data)))
    if kind == media_types.RTF:
        return of_rich_text(data)
    return of_text(decoded(data)) if kind == media_types.PLAIN else None


#: by these endings alone; of others the bytes say what they are
_SAID = {".txt": "text/plain", ".html": "text/html"}


def _wrong(found: Compared | Drawn) -> str:
    if isinstance(found, Drawn):
        return f"pages {[n + 1 for n in found.different][:9]} look otherwise" if found.different else ""
    parts = (("missing", found.missing), ("joined", found.joined), ("in another column", found.misplaced))
    return "; ".join(f"{len(some)} {name}: {' '.join(some[:9])}" for name, some in parts if some)


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
