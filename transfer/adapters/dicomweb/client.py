"""Finding a patient's studies at an archive, and fetching a series into the vault.

A stream that dies ends silently, mostly at the end of an instance: every length fits and every file opens. So a series
is complete only by the closing delimiter (RFC 2046 section 5.1.1) and the set of SOP Instance UIDs.
"""

import ssl
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from typing import Final
from urllib.parse import quote

from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError, ReadTimeoutError

from transfer.adapters.dicom.asking import Question, studies
from transfer.adapters.dicom.fetching import PIECE, Looks, store
from transfer.adapters.dicom.found import STUDY_FIELDS, Entry, SeriesFound, StudyFound, required_uid, series_found
from transfer.adapters.dicom.header import checked_uid
from transfer.adapters.dicom.series import Arriving, Bytes, Ending, Gathering, SeriesObject
from transfer.adapters.dicomweb.http import Archive, Limits, Timeouts, authorization
from transfer.adapters.dicomweb.multipart import Mark, Multipart, boundary_of
from transfer.errors import TooLarge, Unexpected, Unknown, Unreachable
from transfer.institutions import Institution
from transfer.patients import Demographics
from transfer.staging import Vault

_DICOM: Final = 'multipart/related; type="application/dicom"; transfer-syntax=*'
_PAGE: Final = 1000


class DicomwebClient:
    """One archive. Safe to ask from several threads.

    All methods raise:
        Unreachable: no answer, or "not now" (408, 429, 5xx), with `retry_after` if the archive said when.
        TurnedAway: 401, 403. Forbidden is not absent.
        Unexpected: a redirect, a status or a body QIDO-RS and WADO-RS do not know.
        TooLarge: beyond `limits`.
    """

    def __init__(
        self,
        base_url: str,
        token: str | None = None,
        *,
        user: str | None = None,
        password: str | None = None,
        timeouts: Timeouts | None = None,
        limits: Limits | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`tls`: whom we trust, and the certificate that we show where the archive asks for one; else the machine's."""
        self._timeouts = timeouts or Timeouts()
        self._limits = limits or Limits()
        shown = authorization(token, user, password)
        self._archive = Archive(base_url, shown, self._timeouts, self._limits, tls)

    def studies(self, who: Demographics, institution: Institution) -> list[StudyFound]:
        """The patient's studies by the numbers this archive would know, and if that finds none by name and birth date.

        Whose they are is what the archive says, to be matched by the caller. None found means "not found under these
        identifiers", and nothing asked (no number it knows, no name with a birth date) finds nothing either.
        """
        return studies(who, institution, self._studies)

    def series(self, study: str) -> list[SeriesFound]:
        """The study's series; none if the archive does not know the study (any more)."""
        entries = self._pages(f"/studies/{checked_uid(study)}/series", "0020000E", fields="includefield=00201209")
        return [series_found(entry) for entry in entries.values()]

    def instances(self, study: str, series: str) -> frozenset[str]:
        """The SOP Instance UIDs of a series; none if the archive does not know it (any more)."""
        path = f"/studies/{checked_uid(study)}/series/{checked_uid(series)}/instances"
        return frozenset(self._pages(path, "00080018"))

    def fetch_series(
        self,
        study: str,
        series: str,
        *,
        expected: frozenset[str],
        wanted: frozenset[str] | None = None,
        institution: Institution,
        vault: Vault,
        keep_going: Callable[[], None],
    ) -> SeriesObject | None:
        """Fetch a series into one new object: by one request, or the `wanted` rest of it by one request an instance.

        A stream that dies, stalls or runs out of time leaves a partial object with what came whole; ask again with
        `wanted=missing(expected, ...)`. Asking twice makes two objects. None: all was answered and nothing came.

        Args:
            expected: what `instances` listed
            keep_going: called at the start, at least every MiB and at least every second while bytes come; what it
                raises (`Fenced`, `NotPermitted`) ends the fetch at once and nothing of it is kept

        Raises:
            CutShort: the stream broke off before one instance was whole.
            Unreadable: not one part was a DICOM file.
            Unexpected: not one was of this series.
            Unavailable: also if the vault did not take it.
        """
        gathering = Gathering(study, series, expected, wanted, self._limits.series)
        fetch = _Fetch(self._archive, self._limits, self._timeouts, Looks(keep_going), gathering)
        path = f"/studies/{checked_uid(study)}/series/{checked_uid(series)}"
        rest = (
            None
            if wanted is None or wanted == expected
            else [f"{path}/instances/{checked_uid(u)}" for u in sorted(wanted)]
        )
        came = fetch.instances([path] if rest is None else rest, one_by_one=rest is not None)
        return store(gathering, came, vault, institution=institution)

    def _studies(self, question: Question) -> dict[str, Entry]:
        try:
            return self._pages("/studies", "0020000D", fields=_query(question), gone_is_none=False)
        except Unknown:
            raise Unexpected("the archive has no study search at its address") from None

    def _pages(self, path: str, uid_tag: str, *, fields: str = "", gone_is_none: bool = True) -> dict[str, Entry]:
        """All entries of a list, by UID.

        An archive may give fewer than asked for without saying so: the list is at its end when a page brings nothing
        new, which also holds where `offset` is not understood.
        """
        found: dict[str, Entry] = {}
        while True:
            query = "&".join(part for part in (fields, f"limit={_PAGE}", f"offset={len(found)}") if part)
            try:
                page = self._archive.listing(f"{path}?{query}")
            except Unknown:
                if gone_is_none and not found:
                    return {}
                raise
            before = len(found)
            found |= {required_uid(entry, uid_tag): entry for entry in page}
            if len(found) == before:
                return found
            if len(found) > self._limits.entries:
                raise TooLarge(f"the archive lists more than {self._limits.entries} entries")


class _Fetch:
    """One fetch: from the archive's answers to the bytes of a tar."""

    def __init__(
        self,
        archive: Archive,
        limits: Limits,
        timeouts: Timeouts,
        looks: Looks,
        gathering: Gathering,
    ) -> None:
        self._archive = archive
        self._limits = limits
        self._looks = looks
        self._gathering = gathering
        self._deadline = time.monotonic() + timeouts.deadline if timeouts.deadline else None

    def instances(self, paths: list[str], *, one_by_one: bool) -> Generator[Bytes, None, None]:
        """What the paths bring, as members of a tar: a series, or some of its instances one by one."""
        for path in paths:
            self._looks.now()
            with ExitStack() as open_response:
                if response := self._opened(open_response, path, one_by_one=one_by_one):
                    yield from self._parts(response)
                    if one_by_one:
                        self._read(response)  # to its end, so that the next one need not connect
            if self._gathering.ending is not Ending.CLOSED:
                break

    def _opened(self, stack: ExitStack, path: str, *, one_by_one: bool) -> BaseHTTPResponse | None:
        """The answer; None if this one instance is gone, or if others came before the archive stopped answering."""
        try:
            return stack.enter_context(self._archive.open(path, accept=_DICOM))
        except Unknown:
            if not one_by_one:
                raise Unexpected("the archive lists a series that it does not give") from None
        except Unreachable:
            if not self._gathering.index:
                raise
            self._gathering.ending = Ending.DIED
        return None

    def _parts(self, response: BaseHTTPResponse) -> Iterator[Bytes]:
        body = Multipart(boundary_of(response.headers.get("Content-Type", "")), self._limits.parts)
        instance = Arriving(self._limits)
        try:
            for event in self._events(response, body):
                if isinstance(event, memoryview):
                    instance.add(event)
                elif event is Mark.PART_ENDS:
                    yield from self._gathering.take(instance)
                    instance.close()
                    instance = Arriving(self._limits)
        finally:
            instance.close()
        if not body.closed and self._gathering.ending is Ending.CLOSED:
            self._gathering.ending = Ending.DIED

    def _events(self, response: BaseHTTPResponse, body: Multipart) -> Iterator[Mark | memoryview]:
        while not body.closed and (piece := self._read(response)):
            yield from body.feed(piece)

    def _read(self, response: BaseHTTPResponse) -> bytes:
        """What one `recv` brings; nothing when the stream is at its end, however that came."""
        if self._deadline is not None and time.monotonic() > self._deadline:
            self._gathering.ending = Ending.OUT_OF_TIME
            return b""
        try:
            piece = response.read1(PIECE)
        except ReadTimeoutError:
            self._gathering.ending = Ending.STALLED
            return b""
        except (HTTPError, OSError):
            self._gathering.ending = Ending.DIED
            return b""
        self._looks.after(len(piece))
        return piece


def _query(question: Question) -> str:
    """By hand: some archives do not decode a query, so `*`, `,`, `:` and `-` stand as they are."""
    keys = [f"{keyword}={quote(value, safe='*,:-')}" for keyword, value in question.items()]
    return "&".join((*keys, *(f"includefield={tag}" for tag in STUDY_FIELDS)))
