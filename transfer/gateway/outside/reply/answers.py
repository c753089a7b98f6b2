"""The answers that a source may give on our page, each with the fields that it takes, and read from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Final

from transfer.arrivals import OTHER_REASON
from transfer.pages.forms import Fields, Problems
from transfer.requests import RequestAnswer
from transfer.source_answers import REASONS, Fee, SaidBy, SourceAnswer

_A = RequestAnswer

#: how each reason is said
REASON_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "expired": "It has expired",
        "illegible": "We cannot read it",
        "not-original": "We need the original",
        "not-specific": "It does not name what is to be released",
        "signature-differs": "The signature is not like the one we have",
        "signature-missing": "It is not signed",
        "signer-unproven": "Whoever signed has not shown that they may",
        "too-old": "It is too old for us",
        "wrong-discloser": "It does not name our facility",
        "wrong-recipient": "It does not name who is to get the records",
        "infeasible": "We cannot do it",
        "legal-hold": "A legal hold forbids it",
        "not-our-patient": "This is not our patient",
        "not-permitted": "We may not",
        "patient-objects": "The patient objects",
        "policy": "Our policy forbids it",
        "no-records": "We hold none of this kind",
        "destroyed": "They were destroyed when their time was over",
        OTHER_REASON: "Another reason",
    }
)


#: of a day that is promised, from today
_FARTHEST: Final = timedelta(days=366)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One answer: how a button says it, and what is asked beside it. `words`: pairs of a field and its label."""

    answer: RequestAnswer | None
    label: str
    #: what a button says besides
    says: str = ""
    day: str | None = None
    is_day_needed: bool = False
    fee: bool = False
    words: Sequence[tuple[str, str, bool]] = ()
    #: what a file is for: records, or a form
    files: str | None = None
    #: it stands before the others, which unfold
    is_usual: bool = False

    @property
    def reasons(self) -> Sequence[tuple[str, str]]:
        """The reasons to choose among, with their words."""
        if self.answer is None or self.answer not in REASONS:
            return ()
        return [(one, REASON_WORDS[one]) for one in (*sorted(REASONS[self.answer]), OTHER_REASON)]


#: by the word in the page's address, in the order of the buttons
CHOICES: Final[Mapping[str, Choice]] = MappingProxyType(
    {
        "records": Choice(answer=None, label="Here are the records", files="records", is_usual=True),
        "will-send": Choice(
            answer=_A.WILL_SEND,
            label="We will send them",
            day="When they leave",
            words=(("courier", "Courier, or how they come", False), ("tracking", "Tracking number", False)),
            is_usual=True,
        ),
        "ready-on": Choice(
            answer=_A.READY_ON, label="Ready on a day", says="You know when", day="Ready on", is_day_needed=True
        ),
        "in-progress": Choice(answer=_A.IN_PROGRESS, label="We are working on it", day="Likely on", is_usual=True),
        "not-signed": Choice(
            answer=_A.NOT_SIGNED, label="Written, not signed yet", says="The report is not final", day="Signed by"
        ),
        "rest-follows": Choice(
            answer=_A.REST_FOLLOWS,
            label="Here is a part, the rest follows",
            says="Upload what you have",
            day="The rest comes on",
            words=(("lacking", "What is still to come", False),),
            files="records",
        ),
        "no-records": Choice(
            answer=_A.NO_RECORDS,
            label="We have no records of this kind",
            is_usual=True,
        ),
        "not-found": Choice(
            answer=_A.NOT_FOUND,
            label="Not found under this name or number",
            says="The patient may be known to you otherwise",
            words=(("known-as", "Known to us as", False),),
        ),
        "identifier": Choice(
            answer=_A.IDENTIFIER_REQUIRED,
            label="We need another number or date",
            says="Tell us which",
            words=(("which", "What you need", True),),
        ),
        "form-required": Choice(
            answer=_A.FORM_REQUIRED, label="We need our own form", says="Upload the empty form", files="form"
        ),
        "not-accepted": Choice(
            answer=_A.AUTHORIZATION_NOT_ACCEPTED,
            label="The authorization is not acceptable",
            says="Tell us why",
        ),
        "fee": Choice(answer=_A.FEE_REQUIRED, label="There is a fee", says="Tell us how much", fee=True),
        "already-sent": Choice(
            answer=_A.ALREADY_SENT,
            label="Already sent",
            says="On which day, and to whom",
            day="Sent on",
            is_day_needed=True,
            words=(("to-whom", "Sent to", True),),
        ),
        "elsewhere": Choice(
            answer=_A.HELD_ELSEWHERE,
            label="Another department or facility has them",
            says="Tell us whom to ask",
            words=(("ask", "Ask", True),),
        ),
        "vendor": Choice(
            answer=_A.HELD_ELSEWHERE,
            label="A company handles our requests",
            says="Tell us where to send it",
            words=(("vendor", "Company, and how to reach it", True),),
        ),
        "refused": Choice(answer=_A.REFUSED, label="We will not release them", says="Tell us why"),
        "other": Choice(
            answer=_A.UNCLEAR, label="Something else", says="In your own words", words=(("say", "Your answer", True),)
        ),
    }
)


def read(choice: Choice, fields: Fields, problems: Problems, today: date) -> SourceAnswer | None:
    """What the form says; None where something is wrong with it, or where only files are sent. `today`: at the
    facility.
    """
    said = [_line(name, label, fields, problems, needed) for name, label, needed in choice.words]
    note = fields.note("note", problems, longest=1000)
    words = "\n".join(one for one in (*said, note) if one) or None
    day = _day(choice, fields, problems, today) if choice.day else None
    reason = _reason(choice, fields, problems)
    fee = _fee(fields, problems) if choice.fee else None
    by = _by(fields, problems, words)
    if problems or choice.answer is None:
        return None
    return SourceAnswer(answer=choice.answer, reason=reason, fee=fee, day=day, by=by)


def _line(name: str, label: str, fields: Fields, problems: Problems, needed: bool) -> str:
    text = fields.line(name, problems, needed=f"{label}: write it here" if needed else None)
    return f"{label}: {text}" if text else ""


def _day(choice: Choice, fields: Fields, problems: Problems, today: date) -> date | None:
    """What was sent was not sent tomorrow; a day years ahead is a slip of the pen, and the case would wait for it."""
    latest = today if choice.answer is _A.ALREADY_SENT else today + _FARTHEST
    needed = f"{choice.day}: a day" if choice.is_day_needed else None
    return fields.day("day", problems, needed=needed, latest=latest)


def _reason(choice: Choice, fields: Fields, problems: Problems) -> str | None:
    if not choice.reasons:
        return None
    return fields.one_of("reason", dict(choice.reasons), problems, needed="Choose a reason") or None


def _fee(fields: Fields, problems: Problems) -> Fee | None:
    text = fields.line("amount", problems, needed="How much it is, as 12.50", longest=12).lstrip("$ ")
    try:
        return Fee(amount=Decimal(text), currency="USD") if text else None
    except (ValueError, InvalidOperation):
        problems.add("amount", "An amount in dollars, as 12.50")
        return None


def _by(fields: Fields, problems: Problems, words: str | None) -> SaidBy:
    person = fields.line("person", problems, needed="Type your name", longest=100)
    reference = fields.line("reference", problems, longest=60)
    return SaidBy(person=person or None, reference=reference or None, words=words)
