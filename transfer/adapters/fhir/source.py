"""Asking an institution's FHIR R4 server for one patient's documents (US Core: DocumentReference and DiagnosticReport).

An empty search is no answer about the patient, only "not found under these identifiers": it is simply no `Found`.
"""

import ssl
from collections.abc import Callable, Collection, Iterator
from datetime import date
from typing import Final, Literal

from transfer.adapters.fhir.attachments import download, inline
from transfer.adapters.fhir.codes import DIAGNOSTIC_SECTION, LOINC
from transfer.adapters.fhir.documents import FHIR_JSON, Description, describe
from transfer.adapters.fhir.drafts import Draft, Drafts
from transfer.adapters.fhir.identities import Resources, demographics, issued
from transfer.adapters.fhir.labels import check_labels, labels_in, meta_labels
from transfer.adapters.fhir.limits import FHIR_HTTP, DocumentLimits
from transfer.adapters.fhir.searches import SearchEntry, Searches
from transfer.adapters.fhir.trees import Tree, child, children, parse, text, type_of
from transfer.adapters.http import HttpClient, HttpLimits, bearer
from transfer.errors import NeedsReview, TooLarge, Unexpected, Unreadable
from transfer.institutions import Institution
from transfer.patients import Demographics, IssuedIdentifier, PersonName
from transfer.records import Document, RecordKind
from transfer.sources import Bad, Found, KeepGoing, PatientFound, go_on

#: The categories under which US Core servers file reports; a search for each, since none need take a list.
REPORT_CATEGORIES: Final = (f"{LOINC}|LP29684-5", f"{LOINC}|LP7839-6", f"{DIAGNOSTIC_SECTION}|LAB")

#: of one patient, asked one by one
_MOST_ASKED: Final = 8


class FhirSourceClient:
    """One institution's server. Asking twice is harmless; nothing is written there.

    Every call raises `TurnedAway` (401, 403), `Unreachable` (408, 429, 5xx, no connection, silence), `Unexpected` or
    `Unreadable` (an answer R4 does not promise), `TooLarge`. `keep_going` is called between pages and attachments, at
    least every MiB and every second, and stops everything by raising.
    """

    def __init__(
        self,
        base_url: str,
        token: str | None,
        limits: DocumentLimits | None = None,
        http: HttpLimits = FHIR_HTTP,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`tls`: whom we trust, and the certificate that we show where one is asked for; else the machine's."""
        self._client = HttpClient(base_url, bearer(token), http, tls)
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
            criteria = {"identifier": f"{_escaped(system)}|{_escaped(identifier.value)}"}
            hits = self._patients(criteria, institution, "identifier", keep_going)
            carrying = [hit for hit in hits if identifier in hit.demographics.identifiers]
            if found := _only(carrying or hits):
                return found
        return None

    def _by_name(
        self, name: PersonName, birth_date: date, institution: Institution, keep_going: KeepGoing
    ) -> dict[str, PatientFound]:
        criteria = {"family": name.family, "given": name.given[0], "birthdate": birth_date.isoformat()}
        criteria = {key: _escaped(value) for key, value in criteria.items()}
        hits = self._patients(criteria, institution, "name", keep_going)
        exact = [hit for hit in hits if any(name.folded == theirs.folded for theirs in hit.demographics.names)]
        return {hit.id: hit for hit in exact or hits}

    def _patients(
        self,
        criteria: dict[str, str],
        institution: Institution,
        by: Literal["identifier", "name"],
        keep_going: KeepGoing,
    ) -> list[PatientFound]:
        found = []
        for entry in self._searches.entries("Patient", criteria, keep_going):
            if entry.problem:
                raise Unreadable(entry.problem)
            number, url = text(entry.resource, "id"), entry.address
            if not number or not url:
                raise Unexpected("a patient without an id")
            # a record merged into another one leads to it by this link; only what it leads to is asked about
            if "replaced-by" not in [text(link, "type") for link in children(entry.resource, "link")]:
                who = demographics(entry.resource, institution)
                labels = meta_labels(entry.page, institution.labels) | labels_in(entry.resource, institution.labels)
                found.append(PatientFound(id=number, url=url, demographics=who, by=by, labels=labels))
            if len(found) > 1 + _MOST_ASKED:
                break
        return found

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
        for url, draft in drafts.by_url.items():
            keep_going()
            if _is_wanted(document := draft.document, kinds):
                read = self._reader(url, draft, document, institution, keep_going)
                yield Found(document=document, sources=tuple(draft.sources), read=read)
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
                yield from self._formats(entry, patient, institution)
            else:
                others += 1
        if others:
            # one for all of them: a server that ignores the criterion would ask people about every patient it has
            yield nowhere, Bad(reason=f"{others} entries that are not said to be of the patient we asked for")

    def _formats(
        self, entry: SearchEntry, patient: PatientFound, institution: Institution
    ) -> Iterator[tuple[SearchEntry, Bad | Description]]:
        around = Resources.around(entry.resource)
        try:
            labels = patient.labels | meta_labels(entry.page, institution.labels)
            who, address = patient.demographics, entry.address
            for one in describe(entry.resource, who, institution, around, address=address, around=labels):
                yield entry, one
        except Unreadable as error:
            yield entry, Bad(reason=str(error), source=entry.address)

    def _all_entries(self, patient: PatientFound, keep_going: KeepGoing) -> Iterator[SearchEntry]:
        yield from self._searches.entries("DocumentReference", {"patient": patient.id}, keep_going)
        seen: set[str] = set()
        for category in REPORT_CATEGORIES:
            criteria = {"patient": patient.id, "category": category}
            for entry in self._searches.entries("DiagnosticReport", criteria, keep_going):
                if entry.address is None or entry.address not in seen:
                    seen.update({entry.address} if entry.address else ())
                    yield entry

    def _place(
        self,
        entry: SearchEntry,
        described: Description,
        drafts: Drafts,
        institution: Institution,
        keep_going: KeepGoing,
    ) -> Found | Bad | None:
        """Give it now if nothing else can describe it; None: kept until all searches are read."""
        document, attachment = described.document, described.attachment
        if attachment is None:
            return self._structured(entry, document, institution, keep_going)
        said, data = text(attachment, "url"), text(attachment, "data")
        if said and (url := self._client.address(said)):
            drafts.add(url, document, entry.address, attachment)
            return None
        if not said and not data:
            return Bad(reason="a document without content", source=entry.address)
        draft = Draft(attachment=attachment, data=data)
        read = self._reader(None, draft, document, institution, keep_going)
        return Found(document=document, sources=entry.sources, read=read)

    def _reader(
        self, url: str | None, draft: Draft, document: Document, institution: Institution, keep_going: KeepGoing
    ) -> Callable[[], Iterator[bytes]]:
        if draft.data:
            data, attachment = draft.data, draft.attachment
            return lambda: inline(data, attachment, keep_going)
        most = self._limits.binary_bytes

        def check(resource: Tree) -> None:
            check_labels(resource, document.labels, institution.labels)

        return lambda: download(self._client, url, draft.attachment, keep_going, most_of_resource=most, check=check)

    def _structured(
        self, entry: SearchEntry, document: Document, institution: Institution, keep_going: KeepGoing
    ) -> Found | Bad:
        """A report that is nothing but its results: the record is the searchset that holds it with all of them."""
        number = text(entry.resource, "id")
        if type_of(entry.resource) != "DiagnosticReport" or not number:
            return Bad(reason="a document without content", source=entry.address)
        return Found(
            document=document,
            sources=entry.sources,
            read=lambda: self._report(number, document, institution, keep_going),
        )

    def _report(
        self, number: str, document: Document, institution: Institution, keep_going: KeepGoing
    ) -> Iterator[bytes]:
        keep_going()
        url = f"{self._client.base}/DiagnosticReport?_id={number}&_include=DiagnosticReport:result"
        reply = self._client.ask("GET", url, accept=FHIR_JSON, keep_going=keep_going)
        page = parse(reply.body, limit=self._client.limits.page_bytes)
        _require_results(page, number)
        check_labels(page, document.labels, institution.labels)
        yield reply.body


def _require_results(page: Tree, number: str) -> None:
    """A report without its results would look whole and say nothing."""
    resources = [child(entry, "resource") for entry in children(page, "entry")]
    reports = [each for each in resources if type_of(each) == "DiagnosticReport" and text(each, "id") == number]
    if len(reports) != 1:
        raise Unexpected("not the report asked for")
    held = {f"{type_of(each)}/{text(each, 'id')}" for each in resources}
    held |= {f"#{text(each, 'id')}" for each in children(reports[0], "contained")}
    wanted = [text(result, "reference") or "" for result in children(reports[0], "result")]
    if not all(_relative(reference) in held for reference in wanted):
        raise Unexpected("a report without all of its results")


def _relative(reference: str) -> str:
    plain = reference.partition("/_history/")[0]
    return "/".join(plain.split("/")[-2:])


def _is_wanted(document: Document, kinds: Collection[RecordKind]) -> bool:
    return document.kind in kinds or document.kind is RecordKind.OTHER


def is_about(entry: SearchEntry, patient: PatientFound, institution: Institution, base: str) -> bool:
    """Whether a document says it is of this patient: a server that ignores a criterion answers with everybody's."""
    subject = child(entry.resource, "subject")
    reference = (text(subject, "reference") or "").partition("/_history/")[0]
    if reference and not reference.startswith("#"):
        at_entry = (entry.address or "").rpartition("/")[0].rpartition("/")[0]
        ours = {f"{place}/Patient/{patient.id}" for place in (base, at_entry)}
        return reference in ours | {patient.url, f"Patient/{patient.id}"}
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


def _escaped(value: str) -> str:
    r"""`$`, `,` and `|` have a meaning in searches (R4 search, 3.1.1.5.7); `\` escapes them."""
    return "".join(f"\\{character}" if character in "\\$,|" else character for character in value)
