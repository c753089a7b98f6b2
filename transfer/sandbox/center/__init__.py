"""Summit Cancer Center: takes packets by IHE MHD ITI-65, fetches and checks them itself, and says what it thinks."""

import json
import threading
import uuid
from contextlib import suppress
from typing import Any, ClassVar
from urllib.parse import urlsplit

import urllib3

from transfer.sandbox.center import bag, download, submission
from transfer.sandbox.institution import Answer, Config, Institution, Request, as_json

_FHIR = "application/fhir+json"
_RECEIPT_ATTEMPTS = 20


class SummitCancerCenter(Institution):
    knobs: ClassVar[dict[str, Any]] = {
        #: accepted | rejected | none
        "receipt": "accepted",
        #: coded reasons given with a rejection
        "reasons": ["incomplete"],
        #: how fast a packet is read
        "bytes_per_second": None,
        #: normal | silent-after-taking | error-503
        "answer": "normal",
        "retry_after": 1,
        #: whether packets are fetched at all
        "fetch": True,
    }

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._state_path = config.folder / "state.json"
        self._packets_folder = config.folder / "packets"
        self._packets_folder.mkdir(exist_ok=True)
        self._lock = threading.RLock()
        self._state: dict[str, dict[str, Any]] = {}
        #: milestones of cases → how often each was told
        self._told: dict[str, int] = {}
        self._working: set[str] = set()
        #: turned to again while somebody was at work on them
        self._again: set[str] = set()
        if self._state_path.exists():
            self._state = json.loads(self._state_path.read_text(encoding="utf-8"))

    def start(self) -> None:
        for packet in list(self._state):
            self._work_on(packet)

    def answer(self, request: Request) -> Answer:
        if self.behaviour["answer"] == "error-503":
            return as_json({"error": "busy"}, status=503, Retry_After=str(self.behaviour["retry_after"]))
        match (request.method, request.path.removeprefix("/fhir").strip("/")):
            case ("POST", ""):
                return self._take(request)
            case ("GET", "List"):
                return self._lists(request)
            case ("GET", "metadata"):
                return as_json(submission.capabilities(), content_type=_FHIR)
            case _:
                return as_json({"error": "no such service"}, status=404)

    def control(self, action: str, request: Request) -> object:
        if (request.method, action) == ("GET", "milestones"):
            with self._lock:
                return dict(self._told)
        if (request.method, action) != ("GET", "packets"):
            raise LookupError(action)
        with self._lock:
            shown = ("state", "bytes", "attempts", "failures", "receipt", "submissions", "documents")
            return [
                {"packet": packet, "folder": str(self._packets_folder / packet), **{k: held.get(k) for k in shown}}
                for packet, held in self._state.items()
            ]

    def turned(self, wanted: dict[str, Any]) -> None:
        if wanted.get("fetch") or wanted.get("receipt"):
            self.start()

    def _take(self, request: Request) -> Answer:
        """ITI-65. The same submission again is answered as before and has no further effect."""
        if told := submission.milestone(request.json()):
            with self._lock:
                self._told[told] = self._told.get(told, 0) + 1
            return as_json(submission.response(request.json()), content_type=_FHIR)
        try:
            offered = submission.read(request.json())
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            return _refused(400, f"not a Provide Document Bundle: {error}")
        if not self._is_gateways(offered.packet_url):
            return _refused(422, "documents are fetched from the sender's gateway only")
        with self._lock:
            held = self._state.setdefault(offered.packet, self._new(offered, request))
            held["submissions"] += 1
            self._save()
        self._work_on(offered.packet)
        if self.behaviour["answer"] == "silent-after-taking":
            return Answer(silent=True)
        return as_json(held["response"], content_type=_FHIR)

    def _new(self, offered: submission.Submission, request: Request) -> dict[str, Any]:
        (self.config.folder / f"{offered.packet}.submission.json").write_bytes(request.body)
        return {
            "state": "announced",
            "url": offered.packet_url,
            "list": {**offered.submission_set, "id": str(uuid.uuid4())},
            "documents": offered.documents,
            "response": submission.response(request.json()),
            "submissions": 0,
            "attempts": 0,
            "bytes": 0,
            "failures": [],
            "receipt": None,
        }

    def _is_gateways(self, url: str) -> bool:
        """Our token is shown to nobody else, whatever a bundle says."""
        theirs, ours = urlsplit(url), urlsplit(self.config.gateway_url)
        return (theirs.scheme, theirs.netloc) == (ours.scheme, ours.netloc)

    def _lists(self, request: Request) -> Answer:
        system, bar, value = (request.first("identifier") or "").rpartition("|")
        with self._lock:
            found = [
                held["list"]
                for held in self._state.values()
                if any(
                    i["value"] == value and (not bar or i.get("system") == system) for i in held["list"]["identifier"]
                )
            ]
        entries = [{"resource": one, "search": {"mode": "match"}} for one in found]
        bundle = {"resourceType": "Bundle", "type": "searchset", "total": len(found), "entry": entries}
        return as_json({name: value for name, value in bundle.items() if value != []}, content_type=_FHIR)

    def _work_on(self, packet: str) -> None:
        """Go on with a packet in the background. Who is at work on it looks once more: it may have looked before."""
        with self._lock:
            if self._is_over(packet):
                return
            if packet in self._working:
                self._again.add(packet)
                return
            self._working.add(packet)
        threading.Thread(target=self._work, args=(packet,), daemon=True).start()

    def _is_over(self, packet: str) -> bool:
        return self._state[packet]["state"] in ("done", "withdrawn")

    def _work(self, packet: str) -> None:
        try:
            self._take_steps(packet)
        finally:
            with self._lock:
                self._working.discard(packet)
                is_due = packet in self._again
                self._again.discard(packet)
        if is_due and not self.stopping.is_set():
            self._work_on(packet)

    def _take_steps(self, packet: str) -> None:
        if self._state[packet]["state"] in ("announced", "downloading"):
            self._fetch(packet)
        if self._state[packet]["state"] == "downloaded":
            self._check(packet)
        if self._state[packet]["state"] in ("verified", "damaged"):
            self._answer_for(packet)

    def _fetch(self, packet: str) -> None:
        if not self.behaviour["fetch"]:
            return
        self._set(packet, state="downloading")
        fetched = download.fetch(
            self._state[packet]["url"],
            self._packets_folder / f"{packet}.tar",
            token=self.config.gateway_token,
            rate=lambda: self.behaviour["bytes_per_second"],
            stopping=self.stopping,
            progress=lambda size, attempts: self._set(packet, bytes=size, attempts=attempts),
        )
        # A process that is stopping leaves the state as it is and resumes when it is started again.
        if fetched is not download.Outcome.INTERRUPTED:
            self._set(packet, state="downloaded" if fetched is download.Outcome.WHOLE else "withdrawn")

    def _check(self, packet: str) -> None:
        folder = self._packets_folder / packet
        failures = bag.unpack(self._packets_folder / f"{packet}.tar", folder)
        failures = failures or bag.check(folder)
        self._set(packet, state="damaged" if failures else "verified", failures=failures)

    def _answer_for(self, packet: str) -> None:
        """The receipt: a Task about the submission. A packet that does not check is declined whatever the knob says."""
        word = self.behaviour["receipt"]
        if word == "none":
            return
        damaged = self._state[packet]["state"] == "damaged"
        reasons = ["integrity"] if damaged else self.behaviour["reasons"] if word == "rejected" else []
        task = submission.receipt(packet, "rejected" if reasons else "accepted", reasons)
        for attempt in range(_RECEIPT_ATTEMPTS):
            with suppress(urllib3.exceptions.HTTPError):
                said = self.post("/fhir/Task", task)
                if said["status"] < 500 and said["status"] != 429:
                    self._set(packet, state="done", receipt={"word": task["status"], "status": said["status"]})
                    return
            if self.stopping.wait(min(0.3 * 2**attempt, 5.0)):
                return

    def _set(self, packet: str, **changes: Any) -> None:
        with self._lock:
            self._state[packet] |= changes
            self._save()

    def _save(self) -> None:
        whole = self._state_path.with_suffix(".new")
        whole.write_text(json.dumps(self._state, ensure_ascii=False, indent=1), encoding="utf-8")
        whole.replace(self._state_path)


def _refused(status: int, text: str) -> Answer:
    issue = {"severity": "error", "code": "invalid", "diagnostics": text}
    return as_json({"resourceType": "OperationOutcome", "issue": [issue]}, status, _FHIR)


def open_institution(config: Config) -> SummitCancerCenter:
    return SummitCancerCenter(config)
