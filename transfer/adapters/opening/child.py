"""The process that opens documents. It reads other people's files, so it runs alone, bounded, and may die.

Run by `opener.OpeningProcess`, never imported by it. In, again and again: the length of a frame of JSON, the frame
(what is said of the document, its source's words for numbers, and whether it is of another patient than the one
before), then its bytes. Out, for each: a line of JSON, what was found. It opens no file and no connection.
"""

import json
import re
import resource
import struct
import sys
import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from transfer import media_types
from transfer.adapters.opening import forked
from transfer.adapters.opening.wire import ANSWER, MOST_SAID
from transfer.adapters.process_bounds import bound_process
from transfer.flaws import AttachedFile, Flaw
from transfer.opened import OpenedDocument, WrittenPatient

if TYPE_CHECKING:
    from transfer.patients import Demographics

MEMORY: Final = 2 << 30
_UNREADABLE: Final = '{"flaws":["unreadable"],"named":[]}'
_BIRTH: Final = re.compile(rb"\bd\.?o\.?b\b|birth|born", re.IGNORECASE)
_FOR_PEOPLE: Final = frozenset({media_types.PLAIN, media_types.HTML, media_types.RTF, media_types.DOCX})
_DIAGNOSIS: Final = re.compile(rb"diagnos[ie]s", re.IGNORECASE)
#: of CPU, for one document
SECONDS_EACH: Final = 20
#: bytes in which the head of a PDF stands (ISO 32000-1, annex H.3), and PDFs of one document whose words are read
_HEAD: Final = 1024
_MOST_PDFS: Final = 4


def main() -> None:
    """Open what is sent until nothing more comes."""
    bound_process(MEMORY)  # its time goes by the document: `_allow`
    warnings.simplefilter("ignore")
    out = sys.stdout
    sys.stdout = sys.stderr  # a library that prints must not answer for us
    _say(out, "ready")
    while told := _told(sys.stdin.buffer):
        data = _exactly(sys.stdin.buffer, told["size"])
        _allow(SECONDS_EACH)
        if told.get("is_anew", True):  # the opener of an earlier version does not say so
            forked.end_kept()
        found = _found(told, data)
        _say(out, found if len(found) <= MOST_SAID else _UNREADABLE)


def _found(told: dict[str, Any], data: bytes) -> str:
    from transfer.adapters.opening import documents, heard, pdf_words, stand_ins

    try:
        if "beginning" in told:
            beginning, end = data[: told["beginning"]], data[told["beginning"] :]
            found = OpenedDocument(flaws=frozenset(documents.of_dicom(beginning, end, told["length"])))
            return ANSWER.dump_json(found).decode()
        named = _Named(told["source"])
        flaws = documents.flaws(
            told["content_type"],
            data,
            documents.Within(look=named.look, tell_attached=named.attach, tell_refused=named.refused),
        )
        narrated, pages = _narrated(told["content_type"], data), [*map(pdf_words.lines, named.pages)]
        papers = [narrated, *pages]
        if not flaws and media_types.named(told["content_type"]) == media_types.PDF and not named.attached and pages:
            flaws |= {*filter(None, [stand_ins.of_pages(named.pages[0], pages[0])])}
        found = OpenedDocument(
            flaws=frozenset(flaws | named.flaws),
            named=tuple(named.people),
            written=_written([*([narrated] if _is_without_header(told["content_type"]) else []), *pages]),
            attached=tuple(named.attached),
            malignant=_malignant(papers) if not flaws else (),
            objects=named.objects or any(map(heard.in_lines, papers)),
        )
        return ANSWER.dump_json(found).decode()
    except Exception:  # noqa: BLE001  # whatever a hostile file does to a parser: it is not opened
        return _UNREADABLE


def _malignant(papers: Iterable[list[str]]) -> tuple[str, ...]:
    """The parts that its diagnosis calls malignant, where it or a PDF that it is or carries has one that is text. What
    cannot be read says nothing.
    """
    from transfer.reported_parts import malignant_parts

    return tuple(dict.fromkeys(part for lines in papers for part in malignant_parts(lines)))


def _written(papers: Iterable[list[str]]) -> tuple[WrittenPatient, ...]:
    from transfer.written_patients import written_patients

    return tuple(dict.fromkeys(one for lines in papers for one in written_patients(lines)))


def _is_without_header(content_type: str) -> bool:
    """Text for people: of others, what their own headers say is read (`own_patient`)."""
    return media_types.named(content_type) in _FOR_PEOPLE


def _narrated(content_type: str, data: bytes) -> list[str]:
    """The lines of what is no PDF, where a word in it promises a diagnosis or a birth date, or may refuse a release."""
    from transfer.adapters.opening import heard

    is_named = _is_without_header(content_type) and (_BIRTH.search(data) or data.startswith(b"PK"))
    if not is_named and not _DIAGNOSIS.search(data) and not heard.may_refuse(data):
        return []
    from transfer.adapters.packet import narrative

    try:
        return list(narrative.lines(narrative.blocks(content_type, data) or ()))
    except Exception:  # noqa: BLE001  # whatever a hostile file does to a parser: its flaws are found elsewhere
        return []


class _Named:
    """Whom a document names, the documents that it carries, and the PDFs that it is or carries."""

    def __init__(self, source: dict[str, Any]) -> None:
        from transfer.institutions import Institution

        self._source = Institution.model_validate(source)
        self.people: dict[Demographics, None] = {}
        self.flaws: set[Flaw] = set()
        self.attached: list[AttachedFile] = []
        self.pages: list[bytes] = []
        self.objects = False

    def attach(self, name: str, flaws: set[Flaw]) -> None:
        self.attached.append(AttachedFile(name=name, flaws=frozenset(flaws)))

    def refused(self) -> None:
        self.objects = True

    def look(self, data: bytes) -> None:
        from transfer.adapters.opening import heard
        from transfer.adapters.own_patient import MOST, PatientHidden, patients_named

        self.objects = self.objects or heard.in_bytes(data, self._source)
        if b"%PDF-" in data[:_HEAD] and len(self.pages) < _MOST_PDFS:
            self.pages.append(data)
        try:
            for one in patients_named(data, self._source):
                if len(self.people) < MOST:
                    self.people[one] = None
        except PatientHidden:
            self.flaws.add(Flaw.UNREADABLE)


def _allow(seconds: int) -> None:
    """So much more CPU time; at its end the process is killed."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    within = forked.permitted(int(used.ru_utime + used.ru_stime) + 1 + seconds)
    resource.setrlimit(resource.RLIMIT_CPU, (within, most))


def _told(stream: BinaryIO) -> dict[str, Any] | None:
    head = stream.read(4)
    if len(head) < 4:
        return None
    told: dict[str, Any] = json.loads(_exactly(stream, struct.unpack(">I", head)[0]))
    return told


def _exactly(stream: BinaryIO, length: int) -> bytes:
    data = stream.read(length)
    if len(data) < length:
        raise SystemExit  # who asked is gone
    return data


def _say(out: Any, line: str) -> None:
    out.write(line + "\n")
    out.flush()


if __name__ == "__main__":
    main()
