"""A receiver's FHIR endpoint: given the submission of a packet, and asked whether it has it."""

import re
import ssl
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from transfer.adapters.fhir.codes import PACKET
from transfer.adapters.fhir.documents import FHIR_JSON
from transfer.adapters.fhir.peer import Limits, NotReached, Peer, Reply, go_on, pour, refusal, retry_after
from transfer.adapters.fhir.trees import Tree, child, children, parse, text, type_of
from transfer.errors import NeedsReview, TooLarge, TransferError, TurnedAway, Unavailable, Unexpected, Unreachable
from transfer.identifiers import PacketId

#: R4's own words for what went wrong (https://hl7.org/fhir/R4/valueset-issue-type.html)
_ISSUE: Final = re.compile(r"[a-z][a-z-]{2,29}")
#: The receiver says that it did nothing. After any other failure of its own it may have.
_NOT_TAKEN: Final = frozenset({425, 429, 503})
#: 409: another copy of the same submission is being taken at this moment; who has it is asked afterwards
_MAYBE_TAKEN: Final = frozenset({408, 409})


class Unheard(Unreachable):
    """No usable answer. `maybe_received`: the submission left us, so only the receiver knows; ask `has` first."""

    def __init__(self, what: str, *, maybe_received: bool, retry_after: float | None = None) -> None:
        super().__init__(what, retry_after=retry_after)
        self.maybe_received = maybe_received


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """It was taken. `known` of its resources were there already, from an earlier time it was sent."""

    created: int
    known: int


class ReceiverClient:
    """One receiver, for ITI-65. Sending the same submission twice is safe (`ifNoneExist`), asking first is better."""

    def __init__(
        self, url: str, token: str | None, limits: Limits | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        self._peer = Peer(url, token, limits or Limits(), tls)

    def close(self) -> None:
        self._peer.close()

    def cut(self) -> None:
        """End a `submit` that another thread is making: it is then unheard."""
        self._peer.cut()

    def submit(self, bundle: bytes) -> Submitted:
        """Hand the submission over.

        Raises:
            Unheard: no answer, one that says "not now", or a success that cannot be read.
            TurnedAway: it does not accept who we are; nothing was taken.
            Unexpected: it refuses the submission; the message carries R4's issue codes, nothing else of theirs.
        """
        try:
            reply = self._post(bundle)
        except NotReached as error:
            raise Unheard(str(error), maybe_received=False) from None
        except (Unavailable, TooLarge) as error:
            raise Unheard(str(error), maybe_received=True) from None
        if reply.status not in (200, 201):
            raise _refused(reply)
        try:
            return _taken(parse(reply.body), expected=len(children(parse(bundle), "entry")))
        except (NeedsReview, TooLarge) as error:
            raise Unheard(str(error), maybe_received=True) from None

    def _post(self, bundle: bytes) -> Reply:
        peer, limits = self._peer, self._peer.limits
        with peer.answer(
            "POST", peer.base, accept=FHIR_JSON, body=bundle, content_type=FHIR_JSON, any_status=True
        ) as response:
            chunks = pour(response, limit=limits.page_bytes, seconds=limits.page_seconds, keep_going=go_on)
            return Reply(response.status, response.headers, b"".join(chunks))

    def has(self, packet: PacketId) -> bool:
        """Whether the receiver holds the packet's submission set.

        Raises:
            Unexpected: it answered with something else, as a server that ignores what it is asked for.
            TurnedAway, Unreachable, CutShort: it said neither yes nor no.
        """
        url = f"{self._peer.base}/List?{urlencode({'identifier': f'{PACKET}|{packet}'})}"
        page = parse(self._peer.ask("GET", url, accept=FHIR_JSON, keep_going=go_on).body)
        if type_of(page) != "Bundle" or text(page, "type") != "searchset":
            raise Unexpected("not a searchset")
        lists = [each for entry in children(page, "entry") if type_of(each := child(entry, "resource")) == "List"]
        if any(_is_of(each, packet) for each in lists):
            return True
        if lists:
            raise Unexpected("lists that were not asked for")
        return False


def _is_of(submission_set: Tree, packet: PacketId) -> bool:
    numbers = [(text(each, "system"), text(each, "value")) for each in children(submission_set, "identifier")]
    return (PACKET, packet) in numbers


def _taken(answer: Tree, expected: int) -> Submitted:
    """A transaction either took every entry or none (R4 http, transaction): anything between is no answer."""
    if type_of(answer) != "Bundle" or text(answer, "type") != "transaction-response":
        raise Unexpected("not a transaction-response")
    statuses = [(text(entry, "response", "status") or "")[:3] for entry in children(answer, "entry")]
    if len(statuses) != expected or not set(statuses) <= {"200", "201", "204"}:
        raise Unexpected("a transaction-response that does not fit what was sent")
    return Submitted(created=statuses.count("201"), known=len(statuses) - statuses.count("201"))


def _refused(reply: Reply) -> TransferError:
    if reply.status in _MAYBE_TAKEN or reply.status >= 500 or reply.status in _NOT_TAKEN:
        return Unheard(
            f"HTTP {reply.status}",
            maybe_received=reply.status not in _NOT_TAKEN,
            retry_after=retry_after(reply.headers),
        )
    error = refusal(reply.status, reply.headers)
    if isinstance(error, TurnedAway):
        return error
    return Unexpected(" ".join((f"HTTP {reply.status}", *_issues(reply.body))))


def _issues(body: bytes) -> list[str]:
    """The outcome's issue codes; its texts may repeat what we sent."""
    try:
        outcome = parse(body)
    except TransferError:
        return []
    codes = [text(issue, "code") or "" for issue in children(outcome, "issue")]
    return list(dict.fromkeys(code for code in codes if _ISSUE.fullmatch(code)))[:10]
