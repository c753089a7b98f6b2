"""Finding a patient's studies at an archive, and fetching a series into the vault.

A stream that dies does so silently, mostly at the end of an instance: every length fits and every file opens. So a
series counts as complete only by the closing delimiter and the set of SOP Instance UIDs.
"""

import json
import ssl
import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from typing import Final
from urllib.parse import quote

from transfer.adapters.dicom.asking import Question, studies
from transfer.adapters.dicom.fetching import store
from transfer.adapters.dicom.found import STUDY_FIELDS, ArchiveEntry, required_uid, series_found
from transfer.adapters.dicom.header import checked_uid
from transfer.adapters.dicom.limits import DicomLimits
from transfer.adapters.dicom.series import Arriving, Bytes, Gathering
from transfer.adapters.dicomweb.multipart import Mark, Multipart, boundary_of
from transfer.adapters.http import HttpAnswer, HttpClient, HttpLimits, NotFound, Silent, TooSlow, basic, bearer
from transfer.adapters.json_limits import has_too_much_structure
from transfer.errors import CutShort, TooLarge, Unexpected, Unreachable
from transfer.institutions import Institution
from transfer.patients import Demographics
from transfer.sources import Ending, KeepGoing, SeriesFound, SeriesObject, StudyFound, go_on
from transfer.staging import Vault

_DICOM: Final = 'multipart/related; type="application/dicom"; transfer-syntax=*'
_PAGE: Final = 1000
#: 204: nothing is found (PS3.18 8.3.4.4). 206: not all of it could be given; its UIDs tell which
_ANSWERS: Final = frozenset({200, 204, 206})
#: of one archive. A stream is bounded by what is taken of a series, and here by more than what frames its parts
DICOMWEB_HTTP: Final = HttpLimits(page_bytes=8 << 20, stream_seconds=6 * 3600, stream_bytes=16 << 30)


class DicomwebClient:
    """One archive. Safe to ask from several threads.

    `keep_going` is called at least every second and every MiB, but while we connect. All methods raise:
        Unreachable: no answer, or "not now" (408, 429, 5xx), with `retry_after` if the archive said when.
        TurnedAway: 401, 403. Forbidden is not absent.
        Unexpected: a redirect, a status or a body QIDO-RS and WADO-RS do not know.
        TooLarge: beyond `limits` or `http`.
    """

    def __init__(
        self,
        base_url: str,
        token: str | None = None,
        *,
        user: str | None = None,
        password: str | None = None,
        http: HttpLimits = DICOMWEB_HTTP,
        limits: DicomLimits | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`tls`: whom we trust, and the certificate that we show where the archive asks for one; else the machine's."""
        self._client = HttpClient(base_url, bearer(token) or basic(user, password), http, tls)
        self._limits = limits or DicomLimits()

    def studies(
        self, who: Demographics, institution: Institution, *, keep_going: KeepGoing = go_on
    ) -> list[StudyFound]:
        """The patient's studies by the numbers this archive would know, and if that finds none by name and birth date.

        Whose they are is what the archive says, to be matched by the caller. None found means "not found under these
        identifiers", and nothing asked (no number it knows, no name with a birth date) finds nothing either.
        """
        return studies(who, institution, lambda question: self._studies(question, keep_going))

    def series(self, study: str, *, keep_going: KeepGoing = go_on) -> list[SeriesFound]:
        """The study's series; none if the archive does not know the study (any more)."""
        path = f"/studies/{checked_uid(study)}/series"
        entries = self._pages(path, "0020000E", keep_going)
        return [series_found(entry) for entry in entries.values()]

    def instances(self, study: str, series: str, *, keep_going: KeepGoing = go_on) -> frozenset[str]:
        """The SOP Instance UIDs of a series; none if the archive does not know it (any more)."""
        path = f"/studies/{checked_uid(study)}/series/{checked_uid(series)}/instances"
        return frozenset(self._pages(path, "00080018", keep_going))

    def fetch_series(
        self,
        study: str,
        series: str,
        *,
        expected: frozenset[str],
        wanted: frozenset[str] | None = None,
        institution: Institution,
        vault: Vault,
        keep_going: KeepGoing,
    ) -> SeriesObject | None:
        """Fetch a series into one new object: by one request, or the `wanted` rest of it by one request an instance.

        A stream that dies, stalls or runs out of time leaves a partial object with what came whole; ask again with
        what is missing as `wanted`. Asking twice makes two objects. None: all was answered and nothing came.

        Args:
            expected: what `instances` listed
            keep_going: called at the start, too; what it raises (`ChangedMeanwhile`, `NotPermitted`) ends the fetch at
            once and
                nothing of it is kept

        Raises:
            CutShort: the stream broke off before one instance was whole.
            Unreadable: not one part was a DICOM file.
            Unexpected: not one was of this series.
            Unavailable: also if the vault did not take it.
        """
        gathering = Gathering(study, series, expected, wanted, self._limits.series)
        fetch = _Fetch(self._client, self._limits, keep_going, gathering)
        path = f"/studies/{checked_uid(study)}/series/{checked_uid(series)}"
        rest = (
            None
            if wanted is None or wanted == expected
            else [f"{path}/instances/{checked_uid(u)}" for u in sorted(wanted)]
        )
        came = fetch.instances([path] if rest is None else rest, one_by_one=rest is not None)
        return store(gathering, came, vault, institution=institution)

    def _studies(self, question: Question, keep_going: KeepGoing) -> dict[str, ArchiveEntry]:
        try:
            return self._pages("/studies", "0020000D", keep_going, fields=_query(question), gone_is_none=False)
        except NotFound:
            raise Unexpected("the archive has no study search at its address") from None

    def _pages(
        self, path: str, uid_tag: str, keep_going: KeepGoing, *, fields: str = "", gone_is_none: bool = True
    ) -> dict[str, ArchiveEntry]:
        """All entries of a list, by UID.

        An archive may give fewer than asked for without saying so: the list is at its end when a page brings nothing
        new, which also holds where `offset` is not understood.
        """
        found: dict[str, ArchiveEntry] = {}
        for _ in range(self._limits.pages):
            query = "&".join(part for part in (fields, f"limit={_PAGE}", f"offset={len(found)}") if part)
            try:
                page = self._listing(f"{path}?{query}", keep_going)
            except NotFound:
                if gone_is_none and not found:
                    return {}
                raise
            before = len(found)
            found |= {required_uid(entry, uid_tag): entry for entry in page}
            if len(found) == before:
                return found
            if len(found) > self._limits.entries:
                raise TooLarge(f"the archive lists more than {self._limits.entries} entries")
        raise TooLarge(f"the archive lists what it has on more than {self._limits.pages} pages")

    def _listing(self, path: str, keep_going: KeepGoing) -> list[ArchiveEntry]:
        """A QIDO-RS answer; empty for 204 and for `[]`. Of one that stopped in the middle nothing is used.

        Raises:
            NotFound: 404.
        """
        url, accept = self._client.base + path, "application/dicom+json"
        try:
            reply = self._client.ask("GET", url, accept=accept, keep_going=keep_going, statuses=_ANSWERS)
        except CutShort:
            raise Unreachable("the archive broke off its list, or did not end it in time") from None
        if reply.status == 204:
            return []
        if has_too_much_structure(reply.body):
            raise TooLarge("the archive's list has more in it than is read at once")
        try:
            entries = json.loads(reply.body)
        except (ValueError, RecursionError):
            raise Unexpected("the archive's list is not JSON") from None
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise Unexpected("the archive's list is not a list of data sets")
        return entries


class _Fetch:
    """One fetch: from the archive's answers to the bytes of a tar."""

    def __init__(self, client: HttpClient, limits: DicomLimits, keep_going: KeepGoing, gathering: Gathering) -> None:
        self._client = client
        self._limits = limits
        self._keep_going = keep_going
        self._gathering = gathering
        self._until = time.monotonic() + client.limits.stream_seconds

    def instances(self, paths: list[str], *, one_by_one: bool) -> Generator[Bytes, None, None]:
        """What the paths bring, as members of a tar: a series, or some of its instances one by one."""
        for path in paths:
            self._keep_going()
            with ExitStack() as opened:
                if answer := self._opened(opened, path, one_by_one=one_by_one):
                    yield from self._parts(answer)
                    if one_by_one:
                        self._read(answer)  # to its end, so that the next one need not connect
            if self._gathering.ending is not Ending.CLOSED:
                break

    def _opened(self, stack: ExitStack, path: str, *, one_by_one: bool) -> HttpAnswer | None:
        """The answer; None if this one instance is gone, or if others came before the archive stopped answering."""
        asked = self._client.open(
            "GET",
            self._client.base + path,
            accept=_DICOM,
            keep_going=self._keep_going,
            statuses=_ANSWERS,
            until=self._until,
        )
        try:
            return stack.enter_context(asked)
        except NotFound:
            if not one_by_one:
                raise Unexpected("the archive lists a series that it does not give") from None
        except (Unreachable, TooSlow) as error:
            if not self._gathering.index:
                raise
            self._gathering.ending = Ending.OUT_OF_TIME if isinstance(error, TooSlow) else Ending.DIED
        return None

    def _parts(self, answer: HttpAnswer) -> Iterator[Bytes]:
        body = Multipart(boundary_of(answer.headers.get("Content-Type", "")), self._limits.parts)
        instance = Arriving(self._limits)
        try:
            for event in self._events(answer, body):
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

    def _events(self, answer: HttpAnswer, body: Multipart) -> Iterator[Mark | memoryview]:
        while not body.closed and (piece := self._read(answer)):
            yield from body.feed(piece)

    def _read(self, answer: HttpAnswer) -> bytes:
        """What one `recv` brings; nothing when the stream is at its end, however that came."""
        try:
            return answer.read()
        except TooSlow:
            self._gathering.ending = Ending.OUT_OF_TIME
        except Silent:
            self._gathering.ending = Ending.STALLED
        except CutShort:
            self._gathering.ending = Ending.DIED
        return b""


def _query(question: Question) -> str:
    """By hand: some archives do not decode a query, so `*`, `,`, `:` and `-` stand as they are."""
    keys = [f"{keyword}={quote(value, safe='*,:-')}" for keyword, value in question.items()]
    return "&".join((*keys, *(f"includefield={tag}" for tag in STUDY_FIELDS)))
