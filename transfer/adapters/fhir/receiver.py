"""A receiver's FHIR endpoint: given the submission of a packet, and asked whether it has it."""

import re
import ssl
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from transfer.adapters.fhir.codes import PACKET
from transfer.adapters.fhir.limits import FHIR_HTTP
from transfer.adapters.fhir.trees import Tree, child, children, parse, text, type_of
from transfer.adapters.http import HttpClient, HttpLimits, HttpReply, NotReached, NotTrusted, bearer
from transfer.adapters.http.failures import refusal, retry_after
from transfer.errors import NeedsReview, TooLarge, TransferError, TurnedAway, Unavailable, Unexpected, Unheard
from transfer.identifiers import PacketId
from transfer.media_types import FHIR_JSON
from transfer.sources import go_on

#: R4's own words for what went wrong (https://hl7.org/fhir/R4/valueset-issue-type.html)
_ISSUE: Final = re.compile(r"[a-z][a-z-]{2,29}")
#: The receiver says that it did nothing. After any other failure of its own it may have.
_NOT_TAKEN: Final = frozenset({425, 429, 503})
#: 409: another copy of the same submission is being taken at this moment; who has it is asked afterwards
_MAYBE_TAKEN: Final = frozenset({408, 409})


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """It was taken. `known` of its resources were there already, from an earlier time it was sent."""

    created: int
    known: int


class ReceiverClient:
    """One receiver, for ITI-65. Sending the same submission twice is safe (`ifNoneExist`), asking first is better."""

    def __init__(
        self, url: str, token: str | None, http: HttpLimits = FHIR_HTTP, tls: ssl.SSLContext | None = None
    ) -> None:
        """`tls`: whom we trust, and the certificate that we show where one is asked for; else the machine's."""
        self._client = HttpClient(url, bearer(token), http, tls)

    def close(self) -> None:
        self._client.close()

    def cut(self) -> None:
        """End a `submit` or `tell` that another thread is making: it is then unheard."""
        self._client.cut()

    def submit(self, bundle: bytes) -> Submitted:
        """Hand the submission over.

        Raises:
            Unheard: no answer, one that says "not now", or a success that cannot be read.
            TurnedAway: it does not accept who we are; nothing was taken.
            Unexpected: it refuses the submission, and the message carries R4's issue codes, nothing else of theirs; or
                TLS failed before anything was sent.
        """
        return self._hand_over(bundle)

    def tell(self, bundle: bytes) -> Submitted:
        """Hand over what is no packet: a Task that says how far a case is. Raises as `submit`; twice is once, too."""
        return self._hand_over(bundle)

    def _hand_over(self, bundle: bytes) -> Submitted:
        try:
            reply = self._post(bundle)
        except NotReached as error:
            raise Unheard(str(error), maybe_received=False) from None
        except (Unavailable, TooLarge) as error:
            raise Unheard(str(error), maybe_received=True) from None
        except NotTrusted as error:
            if error.was_sent:
                raise Unheard(str(error), maybe_received=True) from None
            raise
        if reply.status not in (200, 201):
            raise _refused(reply)
        try:
            return _taken(parse(reply.body), expected=len(children(parse(bundle), "entry")))
        except (NeedsReview, TooLarge) as error:
            raise Unheard(str(error), maybe_received=True) from None

    def _post(self, bundle: bytes) -> HttpReply:
        client, headers = self._client, {"Content-Type": FHIR_JSON}
        return client.ask(
            "POST", client.base, accept=FHIR_JSON, keep_going=go_on, headers=headers, body=bundle, statuses=None
        )

    def has(self, packet: PacketId) -> bool:
        """Whether the receiver holds the packet's submission set.

        Raises:
            Unexpected: it answered with something else, as a server that ignores what it is asked for.
            TurnedAway, Unreachable, CutShort: it said neither yes nor no.
        """
        url = f"{self._client.base}/List?{urlencode({'identifier': f'{PACKET}|{packet}'})}"
        page = parse(self._client.ask("GET", url, accept=FHIR_JSON, keep_going=go_on).body)
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


def _refused(reply: HttpReply) -> TransferError:
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
