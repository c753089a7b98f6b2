"""Finding a patient's studies at an archive, and fetching a series into the vault.

A stream that dies does so silently, mostly at the end of an instance: every length fits and every file opens. So a
series counts as complete only by the closing delimiter and the set of SOP Instance UIDs (MECHANISMS 5).
"""

import ssl
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, closing
from typing import Final, cast

from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError, ReadTimeoutError

from transfer.adapters.dicomweb import header, qido
from transfer.adapters.dicomweb.http import PIECE, Archive, Limits, Timeouts, authorization
from transfer.adapters.dicomweb.multipart import Mark, Multipart, boundary_of
from transfer.adapters.dicomweb.qido import SeriesFound, StudyFound
from transfer.adapters.dicomweb.series import TAR_END, Arriving, Bytes, Ending, Gathering, SeriesObject
from transfer.errors import CutShort, TooLarge, Unexpected, Unknown, Unreachable, Unreadable
from transfer.institutions import Institution
from transfer.patients import Demographics
from transfer.staging import CHUNK, Vault

_DICOM: Final = 'multipart/related; type="application/dicom"; transfer-syntax=*'
_PAGE: Final = 1000


class _NothingWhole(Exception):
    """Not one instance came whole: there is nothing to keep."""


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
        found: dict[str, qido.Entry] = {}
        known = set()
        for identifier, query in qido.by_number(who, institution):
            if identifier in known:
                continue  # found under another spelling of its issuer
            named = {uid: e for uid, e in self._studies(query).items() if qido.has_number(e, identifier, institution)}
            known |= {identifier} if named else set()
            found |= named
        for query in qido.by_name(who):
            if found:
                break
            found |= {uid: e for uid, e in self._studies(query).items() if qido.has_name(e, who)}
        return [qido.study(entry, institution) for entry in found.values()]

    def series(self, study: str) -> list[SeriesFound]:
        """The study's series; none if the archive does not know the study (any more)."""
        entries = self._pages(f"/studies/{_uid(study)}/series", "0020000E", fields="includefield=00201209")
        return [qido.series(entry) for entry in entries.values()]

    def instances(self, study: str, series: str) -> frozenset[str]:
        """The SOP Instance UIDs of a series; none if the archive does not know it (any more)."""
        path = f"/studies/{_uid(study)}/series/{_uid(series)}/instances"
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
            Unavailable: also if the vault did not take it.
        """
        gathering = Gathering(study, expected, wanted, self._limits.series)
        fetch = _Fetch(self._archive, self._limits, self._timeouts, keep_going, gathering)
        path = f"/studies/{_uid(study)}/series/{_uid(series)}"
        rest = None if wanted is None or wanted == expected else [f"{path}/instances/{_uid(u)}" for u in sorted(wanted)]
        try:
            with closing(fetch.tar([path] if rest is None else rest, one_by_one=rest is not None)) as tar:
                location = vault.keep(cast("Iterable[bytes]", tar))
        except _NothingWhole:
            _refuse_silence(gathering)
            return None
        return SeriesObject(
            study_instance_uid=study,
            series_instance_uid=series,
            location=location,
            index=tuple(gathering.index.values()),
            complete=gathering.is_whole,
            ending=gathering.ending,
            stated=tuple(dict.fromkeys(header.demographics(each, institution) for each in gathering.stated)),
            conflicting=tuple(gathering.conflicting),
            strays=frozenset(gathering.strays),
            unreadable=gathering.unreadable,
        )

    def _studies(self, query: str) -> dict[str, qido.Entry]:
        try:
            return self._pages("/studies", "0020000D", fields=f"{query}&{qido.study_fields()}", gone_is_none=False)
        except Unknown:
            raise Unexpected("the archive has no study search at its address") from None

    def _pages(self, path: str, uid_tag: str, *, fields: str = "", gone_is_none: bool = True) -> dict[str, qido.Entry]:
        """All entries of a list, by UID.

        An archive may give fewer than asked for without saying so: the list is at its end when a page brings nothing
        new, which also holds where `offset` is not understood.
        """
        found: dict[str, qido.Entry] = {}
        while True:
            query = "&".join(part for part in (fields, f"limit={_PAGE}", f"offset={len(found)}") if part)
            try:
                page = self._archive.listing(f"{path}?{query}")
            except Unknown:
                if gone_is_none and not found:
                    return {}
                raise
            before = len(found)
            found |= {qido.required_uid(entry, uid_tag): entry for entry in page}
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
        keep_going: Callable[[], None],
        gathering: Gathering,
    ) -> None:
        self._archive = archive
        self._limits = limits
        self._keep_going = keep_going
        self._gathering = gathering
        self._deadline = time.monotonic() + timeouts.deadline if timeouts.deadline else None
        self._unchecked = 0
        self._checked_at = time.monotonic()

    def tar(self, paths: list[str], *, one_by_one: bool) -> Generator[Bytes, None, None]:
        """The tar of what the paths bring: a series, or some of its instances one by one."""
        for path in paths:
            self._check()
            with ExitStack() as open_response:
                if response := self._opened(open_response, path, one_by_one=one_by_one):
                    yield from self._instances(response)
                    if one_by_one:
                        self._read(response)  # to its end, so that the next one need not connect
            if self._gathering.ending is not Ending.CLOSED:
                break
        if not self._gathering.index:
            raise _NothingWhole
        yield TAR_END

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

    def _instances(self, response: BaseHTTPResponse) -> Iterator[Bytes]:
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
        self._unchecked += len(piece)
        if self._unchecked + PIECE > CHUNK or time.monotonic() - self._checked_at > 0.5:
            self._check()
        return piece

    def _check(self) -> None:
        self._keep_going()
        self._unchecked, self._checked_at = 0, time.monotonic()


def _refuse_silence(gathering: Gathering) -> None:
    """Nothing came. That is an answer only if it was closed, and nothing else came in its place."""
    if gathering.ending is not Ending.CLOSED:
        raise CutShort("the archive broke off before one image was whole") from None
    if gathering.unreadable:
        raise Unreadable("the archive sent no DICOM files") from None


def _uid(text: str) -> str:
    if not header.UID.fullmatch(text):
        raise ValueError("not a DICOM UID")
    return text
