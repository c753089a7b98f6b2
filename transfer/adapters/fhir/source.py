"""Asking an institution's FHIR R4 server for one patient's documents (US Core: DocumentReference and DiagnosticReport).

An empty search is no answer about the patient, only "not found under these identifiers": it is simply no `Found`.
"""

import re
import ssl
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from datetime import date
from functools import reduce
from itertools import chain, islice
from typing import Final

from transfer.adapters.fhir.attachments import announced, download, inline
from transfer.adapters.fhir.codes import CATEGORY_KINDS
from transfer.adapters.fhir.documents import Description, describe
from transfer.adapters.fhir.drafts import Draft, DraftFile, Drafts
from transfer.adapters.fhir.identities import Resources, demographics, has_died, issued
from transfer.adapters.fhir.labels import check_labels, labels_in, meta_labels
from transfer.adapters.fhir.limits import FHIR_HTTP, DocumentLimits
from transfer.adapters.fhir.results import report_beside, says_anything, says_beside, whole_report
from transfer.adapters.fhir.searches import SearchEntry, Searches, escaped
from transfer.adapters.fhir.trees import Tree, child, children, parse, text, type_of
from transfer.adapters.http import HttpClient, HttpLimits, ShownAuthorization, bearer
from transfer.bytes_seen import Announced
from transfer.errors import NeedsReview, NotAllowed, TooLarge, Unexpected, Unreadable
from transfer.institutions import Institution
from transfer.media_types import FHIR_JSON
from transfer.patients import Demographics, IssuedIdentifier, PersonName
from transfer.records import Document, DocumentStatus, RecordKind
from transfer.sources import Bad, Found, KeepGoing, PatientFound, SourceFile, go_on

#: The categories under which servers file reports; a search for each, since none need take a list.
REPORT_CATEGORIES: Final = tuple(CATEGORY_KINDS)

#: what is said of the bytes themselves; one that another replaced may lie at the same address as the other
_TAKEN_BACK: Final = frozenset({DocumentStatus.ENTERED_IN_ERROR, DocumentStatus.WITHDRAWN, DocumentStatus.CANCELLED})
#: of one patient, asked one by one
_MOST_ASKED: Final = 8
#: merges of a patient's entries that are followed
_MOST_LINKS: Final = 4
_PATIENT = re.compile(r"(?:.*/)?Patient/([A-Za-z0-9.-]{1,64})(?:/_history/.*)?")


class FhirSourceClient:
    """One institution's server. Asking twice is harmless; nothing is written there.

    Every call raises `TurnedAway` (401, 403), `Unreachable` (408, 429, 5xx, no connection, silence), `Unexpected` or
    `Unreadable` (an answer R4 does not promise), `TooLarge`. `keep_going` is called between pages and attachments, at
    least every MiB and every second, and stops everything by raising.
    """

    def __init__(
        self,
        base_url: str,
        token: str | ShownAuthorization | None,
        limits: DocumentLimits | None = None,
        http: HttpLimits = FHIR_HTTP,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`token`: a bearer token, or who gets one.

        `tls`: whom we trust, and the certificate that we show where one is asked for; else the machine's.
        """
        self._client = HttpClient(base_url, bearer(token) if isinstance(token, str) else token, http, tls)
        self._limits = limits or DocumentLimits()
        self._searches = Searches(self._client, self._limits)

    def close(self) -> None:
        self._client.close()

    def find_patient(
        self, who: Demographics, institution: Institution, *, keep_going: KeepGoing = go_on
    ) -> PatientFound | None:
        """The patient there: by each number with its issuer, then by family, given name and birth date.

        None: not found under these. Answering is not identity: a server may ignore a criterion it does not know.

        Raises:
            NeedsReview: several answer, or there is nothing to ask by.
        """
        named = [name for name in who.names if name.given][:_MOST_ASKED]
        if not who.identifiers and not (named and who.birth_date):
            raise NeedsReview("neither a number nor a name with a birth date to ask by")
        for identifier in who.identifiers[:_MOST_ASKED]:
            if found := self._by_number(identifier, institution, keep_going):
                return found
        hits: dict[str, PatientFound] = {}
        if who.birth_date:
            for name in named:
                hits |= self._by_name(name, who.birth_date, institution, keep_going)
        return _only(list(hits.values()))

    def _by_number(
        self, identifier: IssuedIdentifier, institution: Institution, keep_going: KeepGoing
    ) -> PatientFound | None:
        for system in _spellings(identifier.issuer, institution):
            criteria = {"identifier": f"{escaped(system)}|{escaped(identifier.value)}"}
            hits = self._patients(criteria, institution, keep_going)
            carrying = [hit for hit in hits if identifier in hit.demographics.identifiers]
            if found := _only(carrying or hits):
                return found
        return None

    def _by_name(
        self, name: PersonName, birth_date: date, institution: Institution, keep_going: KeepGoing
    ) -> dict[str, PatientFound]:
        criteria = {"family": name.family, "given": name.given[0], "birthdate": birth_date.isoformat()}
        criteria = {key: escaped(value) for key, value in criteria.items()}
        hits = self._patients(criteria, institution, keep_going)
        exact = [hit for hit in hits if any(name.folded == theirs.folded for theirs in hit.demographics.names)]
        return {hit.id: hit for hit in exact or hits}

    def _patients(
        self,
        criteria: dict[str, str],
        institution: Institution,
        keep_going: KeepGoing,
    ) -> list[PatientFound]:
        entries = list(islice(self._searches.entries("Patient", criteria, keep_going), 2 + _MOST_ASKED))
        at_hand = {entry.address: entry.resource for entry in entries}
        found: dict[str, PatientFound] = {}
        for entry in entries:
            if entry.problem:
                raise Unreadable(entry.problem)
            one = self._main_entry(entry, at_hand, institution, keep_going)
            same = found.get(one.id)
            found[one.id] = _joined(same, one) if same else one
        return list(found.values())

    def _main_entry(
        self,
        entry: SearchEntry,
        at_hand: Mapping[str | None, Tree],
        institution: Institution,
        keep_going: KeepGoing,
    ) -> PatientFound:
        """The patient of an entry, or of the one that the source merged it into (R4 patient, `link`, replaced-by).

        Raises:
            NeedsReview: the link leads nowhere, elsewhere, in a circle or too far.
        """
        resource, url, passed = entry.resource, entry.address, list[PatientFound]()
        around = meta_labels(entry.page, institution.labels)
        while True:
            number = text(resource, "id")
            if not number or not url:
                raise Unexpected("a patient without an id")
            who, labels = demographics(resource, institution), around | labels_in(resource, institution.labels)
            here = PatientFound(
                id=number,
                url=url,
                demographics=who,
                labels=labels,
                absorbed=_merged_into(resource),
                has_died=has_died(resource),
            )
            passed.append(here)
            onward = [link for link in children(resource, "link") if text(link, "type") == "replaced-by"]
            if not onward:
                return reduce(_absorbed, reversed(passed))
            url = self._client.address(text(onward[0], "other", "reference") or "")
            is_known = url in [one.url for one in passed]
            if (
                len(onward) > 1
                or url is None
                or not self._client.is_within(url)
                or is_known
                or len(passed) > _MOST_LINKS
            ):
                raise NeedsReview("a patient merged into one that cannot be followed to")
            resource = at_hand.get(url) or self._read(url, keep_going)
            if type_of(resource) != "Patient":
                raise NeedsReview("a patient merged into something else")

    def documents(
        self,
        patient: PatientFound,
        institution: Institution,
        kinds: Collection[RecordKind],
        *,
        keep_going: KeepGoing = go_on,
    ) -> Iterator[Found | Bad]:
        """Every document of these kinds, and those whose kind is not known.

        A document that both resources describe with one attachment address is one `Found` with the numbers of both.
        What was read before a page could not be understood is still given, then the error is raised.

        Raises:
            besides the class's: NeedsReview and TooLarge after all that could be given.
        """
        drafts, stopped = Drafts(inline_bytes=self._limits.inline_bytes), None
        try:
            for entry, described in self._described(patient, institution, keep_going):
                found = (
                    described
                    if isinstance(described, Bad)
                    else self._place(entry, described, drafts, institution, keep_going)
                )
                if isinstance(found, Bad) or (found and _is_wanted(found.document, kinds)):
                    yield found
        except (NeedsReview, TooLarge) as error:
            stopped = error
        for draft in drafts.held:
            keep_going()
            if not _is_wanted(draft.document, kinds):
                continue
            if drafts.is_taken_back(draft):
                yield Bad(reason="a document that another resource takes back", source=min(draft.sources))
            else:
                yield self._found(draft, institution, keep_going)
        if stopped:
            raise stopped

    def _described(
        self, patient: PatientFound, institution: Institution, keep_going: KeepGoing
    ) -> Iterator[tuple[SearchEntry, Bad | Description]]:
        others, nowhere = 0, SearchEntry(resource={}, address=None)
        for count, entry in enumerate(self._all_entries(patient, keep_going)):
            if count >= self._limits.documents:
                raise TooLarge("more documents than are taken of one patient")
            if entry.problem:
                yield entry, Bad(reason=entry.problem, source=entry.address)
            elif is_about(entry, patient, institution, self._client.base):
                yield self._description(entry, patient, institution)
            else:
                others += 1
        if others:
            # one for all of them: a server that ignores the criterion would ask people about every patient it has
            yield nowhere, Bad(reason=f"{others} entries that are not said to be of the patient we asked for")

    def _description(
        self, entry: SearchEntry, patient: PatientFound, institution: Institution
    ) -> tuple[SearchEntry, Bad | Description]:
        around = Resources.around(entry.resource)
        try:
            labels = patient.labels | meta_labels(entry.page, institution.labels)
            who, address = patient.demographics, entry.address
            return entry, describe(entry.resource, who, institution, around, address=address, around=labels)
        except Unreadable as error:
            return entry, Bad(reason=str(error), source=entry.address)

    def _all_entries(self, patient: PatientFound, keep_going: KeepGoing) -> Iterator[SearchEntry]:
        """Each once: an entry that a source moved to the one that stands may be found under both."""
        seen = set[str]()
        for number in (patient.id, *patient.absorbed):
            criteria = {"patient": number}
            documents = self._searches.entries("DocumentReference", criteria, keep_going)
            made = self._searches.made(number, keep_going)
            for entry in chain(documents, made, self._reports(criteria, keep_going)):
                if entry.address is None or entry.address not in seen:
                    seen |= {entry.address} if entry.address else set()
                    yield entry

    def _reports(self, criteria: dict[str, str], keep_going: KeepGoing) -> Iterator[SearchEntry]:
        """Reports of every category; where the source wants to be told categories, of those we know, and that is said.

        US Core has servers search by patient and category, and lets them refuse to do so without one.
        """
        seen, is_refused = set[str](), False
        try:
            for entry in self._searches.entries("DiagnosticReport", criteria, keep_going):
                is_refused |= entry.address is None and entry.problem is not None
                seen.add(entry.address or "")
                yield entry
        except Unexpected:
            if seen:
                raise
            is_refused = True
        if not is_refused:
            return
        for system, code in REPORT_CATEGORIES:
            asked = criteria | {"category": f"{system}|{code}"}
            for entry in self._searches.entries("DiagnosticReport", asked, keep_going):
                if entry.address is None or entry.address not in seen:
                    seen.add(entry.address or "")
                    yield entry
        yield SearchEntry(resource={}, address=None, problem="reports of categories that were not asked for")

    def _place(
        self,
        entry: SearchEntry,
        described: Description,
        drafts: Drafts,
        institution: Institution,
        keep_going: KeepGoing,
    ) -> Found | Bad | None:
        """Give it now if nothing else can describe it; None: kept until all searches are read."""
        document, attachments = described.document, described.attachments
        around = Resources.around(entry.resource)
        if document.status.is_void:
            if document.status in _TAKEN_BACK:
                files = (self._file(each, around) for each in attachments)
                drafts.taken_back |= {one.url for one in files if one.url}
            return Found(document=document, sources=entry.sources, files=(), version=described.version)
        if not attachments:
            return self._structured(entry, document, institution, keep_going)
        draft = Draft(
            files=[self._file(each, around) for each in attachments],
            documents=[document],
            sources=list(entry.sources),
            versions=[described.version],
            beside=[entry.resource] if says_beside(entry.resource) else [],
        )
        if all(one.url for one in draft.files):
            drafts.add(draft)
            return None
        return self._found(draft, institution, keep_going)

    def _file(self, attachment: Tree, around: Resources) -> DraftFile:
        said, data = text(attachment, "url"), text(attachment, "data")
        if said and said.startswith("data:"):
            said, data = None, data or said
        contained = around.follow({"reference": said})
        if type_of(contained) == "Binary" and (inside := text(contained, "data")):
            said, data = None, data or inside
        address = self._client.address(said) if said else None
        return DraftFile(
            announced=announced(attachment),
            title=text(attachment, "title"),
            url=address or said,
            address=address,
            data=data,
        )

    def _found(self, draft: Draft, institution: Institution, keep_going: KeepGoing) -> Found:
        document, most = draft.document, self._limits.binary_bytes

        def check(resource: Tree) -> None:
            check_labels(resource, document.labels, institution.labels)

        def reader(one: DraftFile) -> Callable[[], Iterator[bytes]]:
            if data := one.data:
                return lambda: inline(data, keep_going, most_of_resource=most, check=check)
            return lambda: download(
                self._client, one.address, one.announced, keep_going, most_of_resource=most, check=check
            )

        files = [SourceFile(read=reader(one), announced=one.announced, title=one.title) for one in draft.files]
        files += [self._beside(one, keep_going) for one in draft.beside]
        return Found(document=document, sources=tuple(draft.sources), files=tuple(files), version=draft.version)

    def _beside(self, report: Tree, keep_going: KeepGoing) -> SourceFile:
        """What it says besides its form. The labels of its results are seen as its bytes go by, and hold for both."""

        def read() -> Iterator[bytes]:
            keep_going()
            held = self._included(report, keep_going)
            yield report_beside(report, lambda reference: self._result(reference, held, keep_going))

        return SourceFile(read=read, announced=Announced(media_type=FHIR_JSON), is_beside=True)

    def _structured(
        self, entry: SearchEntry, document: Document, institution: Institution, keep_going: KeepGoing
    ) -> Found | Bad:
        """A report that is nothing but its results. Only reading them tells whether one of them has changed."""
        report = entry.resource
        if type_of(report) != "DiagnosticReport" or not says_anything(report):
            return Bad(reason="a document without content", source=entry.address)

        def read() -> Iterator[bytes]:
            keep_going()
            held = self._included(report, keep_going)
            body = whole_report(report, lambda reference: self._result(reference, held, keep_going))
            check_labels(parse(body), document.labels, institution.labels)
            yield body

        files = (SourceFile(read=read, announced=Announced(media_type=FHIR_JSON)),)
        return Found(document=document, sources=entry.sources, files=files)

    def _included(self, report: Tree, keep_going: KeepGoing) -> dict[str, Tree]:
        """The results that come along with the report, by relative address. Many sources do not offer that."""
        number = text(report, "id")
        if not number or not children(report, "result"):
            return {}
        url = f"{self._client.base}/DiagnosticReport?_id={number}&_include=DiagnosticReport:result"
        try:
            page = parse(self._client.ask("GET", url, accept=FHIR_JSON, keep_going=keep_going).body)
        except (NeedsReview, TooLarge):
            return {}
        return {_relative(each): each for entry in children(page, "entry") if (each := child(entry, "resource"))}

    def _result(self, reference: str, held: dict[str, Tree], keep_going: KeepGoing) -> Tree:
        plain = "/".join(reference.split("/")[-2:])
        if plain in held:
            return held[plain]
        url = self._client.address(reference)
        if url is None or not self._client.is_within(url):
            raise NotAllowed("a result that lies elsewhere than at its source")
        return self._read(url, keep_going)

    def _read(self, url: str, keep_going: KeepGoing) -> Tree:
        body = self._client.ask("GET", url, accept=FHIR_JSON, keep_going=keep_going).body
        return parse(body, limit=self._client.limits.page_bytes)


def _merged_into(patient: Tree) -> tuple[str, ...]:
    """The entries that a patient's says it replaced."""
    said = [text(link, "other", "reference") for link in children(patient, "link") if text(link, "type") == "replaces"]
    numbers = [match[1] for each in said if each and (match := _PATIENT.fullmatch(each))]
    return tuple(dict.fromkeys(numbers))[:_MOST_ASKED]


def _absorbed(kept: PatientFound, gone: PatientFound) -> PatientFound:
    """The entry that stands, with the numbers, labels and documents of one that was merged into it."""
    both = _joined(kept, gone)
    return replace(both, absorbed=tuple(dict.fromkeys((gone.id, *both.absorbed))))


def _joined(one: PatientFound, same: PatientFound) -> PatientFound:
    """One entry that was found twice."""
    numbers = dict.fromkeys((*one.demographics.identifiers, *same.demographics.identifiers))
    return replace(
        one,
        demographics=replace(one.demographics, identifiers=tuple(numbers)),
        absorbed=tuple(dict.fromkeys((*one.absorbed, *same.absorbed))),
        labels=one.labels | same.labels,
        has_died=one.has_died or same.has_died,
    )


def _relative(resource: Tree) -> str:
    return f"{type_of(resource)}/{text(resource, 'id')}"


def _is_wanted(document: Document, kinds: Collection[RecordKind]) -> bool:
    return document.kind in kinds or document.kind is RecordKind.OTHER


def is_about(entry: SearchEntry, patient: PatientFound, institution: Institution, base: str) -> bool:
    """Whether a document says it is of this patient: a server that ignores a criterion answers with everybody's."""
    subject = child(entry.resource, "subject")
    reference = (text(subject, "reference") or "").partition("/_history/")[0]
    if reference and not reference.startswith("#"):
        at_entry = (entry.address or "").rpartition("/")[0].rpartition("/")[0]
        numbers = (patient.id, *patient.absorbed)
        ours = {f"{place}Patient/{number}" for place in (f"{base}/", f"{at_entry}/", "") for number in numbers}
        return reference in ours | {patient.url}
    contained = Resources.around(entry.resource).follow(subject)
    said = [child(subject, "identifier"), *children(contained, "identifier")]
    return bool(set(issued(said, institution)) & set(patient.demographics.identifiers))


def _only(hits: list[PatientFound]) -> PatientFound | None:
    if len(hits) > 1:
        raise NeedsReview("several patients there answer to who we asked for")
    return hits[0] if hits else None


def _spellings(issuer: str, institution: Institution) -> list[str]:
    """The issuer as we say it, and as this institution does where that could stand in FHIR (a URI)."""
    theirs = [said for said, ours in institution.issuers.items() if ours == issuer and ":" in said]
    return list(dict.fromkeys([issuer, *theirs]))
