"""Lakeside Oncology: a community office with a FHIR R4 server, and the sender of referral and release form."""

import re
import secrets
import time
from dataclasses import dataclass
from typing import Any, ClassVar

from transfer.sandbox import request_answers
from transfer.sandbox.institution import Answer, Config, Institution, Request, as_json, chatter
from transfer.sandbox.oncology import letters, resources, search
from transfer.sandbox.oncology.documents import Document

_FHIR = "application/fhir+json"
_SEARCHED = ("Patient", "DocumentReference", "DiagnosticReport")


@dataclass(frozen=True, slots=True)
class _Kept:
    """A search whose further pages are still to be fetched."""

    matches: list[resources.Resource]
    until: float


class LakesideOncology(Institution):
    knobs: ClassVar[dict[str, Any]] = {
        #: normal | empty | forbidden | silent | no-records | error-503 | error-500 | garbage (both name patients)
        "answer": "normal",
        #: matches on one page
        "page_size": 4,
        #: how long a `next` link works
        "page_seconds": 60,
        #: what a 503 asks for
        "retry_after": 1,
        #: the request of ours that *no-records* is said about
        "request": None,
    }
    residents = 2

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._pages: dict[str, _Kept] = {}

    def answer(self, request: Request) -> Answer:
        path = request.path.removeprefix("/fhir").strip("/")
        if path == "metadata":
            return as_json(resources.capabilities(), content_type=_FHIR)
        match self.behaviour["answer"]:
            case "silent":
                return Answer(silent=True)
            case "forbidden":
                return _outcome(403, "forbidden", "Not allowed for this client")
            case "error-503":
                return _outcome(503, "transient", "Try later", Retry_After=str(self.behaviour["retry_after"]))
            case "error-500":
                return chatter(self.charts.values(), 500)
            case "garbage":
                return chatter(self.charts.values(), 200, _FHIR)
            case _:
                return self._read(path, request)

    def control(self, action: str, request: Request) -> object:
        said = request.json()
        match action:
            case "send-release-form":
                form = letters.release_form(self.chart(request), said.get("overrides") or {})
                return self.post("/fhir/Consent", form)
            case "revoke":
                form = letters.release_form(
                    self.chart(request), {**(said.get("overrides") or {}), "status": said.get("status", "inactive")}
                )
                return self.post("/fhir/Consent", form)
            case "send-referral":
                return self.post("/fhir", letters.referral(self.chart(request), said.get("overrides") or {}))
            case "push-document":
                return self.post("/fhir", letters.pushed(self.chart(request), said["document"]))
            case _:
                raise LookupError(action)

    def turned(self, wanted: dict[str, Any]) -> None:
        if wanted.get("answer") == "no-records" and wanted.get("request"):
            said = {"request": wanted["request"], "status": "rejected", "code": "no-records"}
            self.post("/fhir/Task", request_answers.task(said))

    def _read(self, path: str, request: Request) -> Answer:
        """The FHIR interactions: search by GET or POST, further pages, read."""
        if not path and request.first("_getpages"):
            return self._page(request.first("_getpages") or "", request)
        kind, _, rest = path.partition("/")
        if kind in _SEARCHED and request.method == ("POST" if rest == "_search" else "GET") and rest in ("", "_search"):
            return self._search(kind, request)
        if request.method != "GET":
            return _outcome(405, "not-supported", "Only read and search are offered")
        if kind == "Binary":
            return self._binary(rest, request)
        found = next((r for r in self._held(kind, request.base) if r["id"] == rest), None)
        return as_json(found, content_type=_FHIR) if found else _outcome(404, "not-found", "No such resource")

    def _held(self, kind: str, base: str, of: str = "") -> list[resources.Resource]:
        """All of a kind, or those of one patient: the papers of all the others need not be written for them."""
        if kind not in _SEARCHED:
            return []
        asked = [chart for chart in list(self.charts.values()) if of in ("", chart["fhir_id"])]
        return [r for chart in asked for r in resources.of(kind, chart, base)]

    def _search(self, kind: str, request: Request) -> Answer:
        patients = {r["id"]: r for r in self._held("Patient", request.base)}
        try:
            held = self._held(kind, request.base, of=_patient_asked_for(request))
            matches = search.matching(kind, held, request.parameters, patients)
        except search.UnknownParameterError as error:
            return _outcome(400, "invalid", f"Unknown search parameter {error}")
        if self.behaviour["answer"] in ("empty", "no-records"):
            matches = []
        key = secrets.token_urlsafe(12)
        now = time.monotonic()
        self._pages = {known: kept for known, kept in self._pages.items() if kept.until > now}
        self._pages[key] = _Kept(matches, now + self.behaviour["page_seconds"])
        return self._bundle(key, 0, self._page_size(request), request)

    def _page_size(self, request: Request) -> int:
        wanted = request.first("_count") or ""
        size = int(self.behaviour["page_size"])
        return max(1, min(size, int(wanted))) if re.fullmatch(r"[1-9]\d{0,4}", wanted) else max(1, size)

    def _page(self, key: str, request: Request) -> Answer:
        offset, size = request.first("_offset") or "", request.first("_count") or ""
        kept = self._pages.get(key)
        if kept is None or kept.until < time.monotonic() or not (offset.isdecimal() and size.isdecimal()):
            return _outcome(410, "expired", "This page is no longer kept; search again")
        return self._bundle(key, int(offset), max(1, int(size)), request)

    def _bundle(self, key: str, offset: int, size: int, request: Request) -> Answer:
        matches = self._pages[key].matches
        base = f"{request.base}/fhir"
        links = [{"relation": "self", "url": f"{base}?_getpages={key}&_offset={offset}&_count={size}"}]
        if offset + size < len(matches):
            links.append({"relation": "next", "url": f"{base}?_getpages={key}&_offset={offset + size}&_count={size}"})
        bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset", "link": links}
        bundle["entry"] = [
            {"fullUrl": f"{base}/{r['resourceType']}/{r['id']}", "resource": r, "search": {"mode": "match"}}
            for r in matches[offset : offset + size]
        ]
        if offset == 0:
            bundle["total"] = len(matches)
            bundle["entry"].append({"resource": search.REMARK, "search": {"mode": "outcome"}})
        return as_json(bundle, content_type=_FHIR)

    def _binary(self, binary: str, request: Request) -> Answer:
        for chart in list(self.charts.values()):
            document = resources.document_with_binary(chart, binary)
            if document is not None:
                return _as_wanted(binary, document, request.headers.get("accept", ""))
        return _outcome(404, "not-found", "No such resource")


def _patient_asked_for(request: Request) -> str:
    """The one patient a search is about; empty where it names none or several."""
    named = request.first("patient") or request.first("subject") or ""
    return "" if "," in named else named.rpartition("/")[2]


def _as_wanted(binary: str, document: Document, accept: str) -> Answer:
    """A Binary is its own bytes, unless the caller wants the resource (R4 2.32.2)."""
    if "application/fhir+json" in accept:
        return as_json(resources.binary(binary, document), content_type=_FHIR)
    return Answer(body=document.content, content_type=document.content_type)


def _outcome(status: int, code: str, text: str, **headers: str) -> Answer:
    issue = {"severity": "error", "code": code, "diagnostics": text}
    return as_json({"resourceType": "OperationOutcome", "issue": [issue]}, status, _FHIR, **headers)


def open_institution(config: Config) -> LakesideOncology:
    return LakesideOncology(config)
