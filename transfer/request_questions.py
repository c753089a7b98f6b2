"""What people are asked about a request in each state, and what is to be done beside an answer."""

from collections.abc import Mapping
from types import MappingProxyType

from transfer.holds import OF_STUCK_PACKETS, HoldAnswer, HoldCode
from transfer.remedies import Remedy, RemedyCode
from transfer.requests import RequestAnswer, RequestState

#: what people are asked about a request in each state, for as long as it stands so
QUESTIONS: Mapping[RequestState, HoldCode] = MappingProxyType(
    {
        RequestState.NOT_FOUND: HoldCode.SOURCE_FOUND_NOTHING,
        RequestState.FORM_REQUIRED: HoldCode.SOURCE_WANTS_FORM,
        RequestState.AUTHORIZATION_NOT_ACCEPTED: HoldCode.SOURCE_WANTS_AUTHORIZATION,
        RequestState.IDENTIFIER_REQUIRED: HoldCode.SOURCE_WANTS_IDENTIFIER,
        RequestState.FEE_REQUIRED: HoldCode.SOURCE_WANTS_FEE,
        RequestState.ALREADY_SENT: HoldCode.SOURCE_SENT_BEFORE,
        RequestState.HELD_ELSEWHERE: HoldCode.SOURCE_NAMES_ANOTHER,
        RequestState.ASKED_ELSEWHERE: HoldCode.NOBODY_HOLDS_IT,
        RequestState.REFUSED: HoldCode.SOURCE_WILL_NOT_RELEASE,
        RequestState.ANSWER_UNCLEAR: HoldCode.SOURCE_ANSWER_UNREAD,
    }
)
#: what an answer to one of these writes down about the request
REQUEST_ANSWERS: Mapping[HoldAnswer, RequestAnswer] = MappingProxyType(
    {
        HoldAnswer.AGAIN: RequestAnswer.AGAIN,
        HoldAnswer.SENT: RequestAnswer.FORM_SENT,
        HoldAnswer.APPROVE: RequestAnswer.FEE_APPROVED,
        HoldAnswer.DISPUTE: RequestAnswer.FEE_DISPUTED,
        HoldAnswer.DO_WITHOUT: RequestAnswer.DO_WITHOUT,
    }
)

#: the questions whose `about` is a request that an answer can be written down for
_OF_REQUESTS = frozenset(
    {
        HoldCode.SOURCE_REFUSES,
        HoldCode.SOURCE_DOES_NOT_ANSWER,
        HoldCode.SOURCE_UNCLEAR,
        HoldCode.ANSWERED_AFTER_RECORDS,
    }
)
_SAID = frozenset(QUESTIONS.values())
#: where they say that another holds it, that one can be asked
_NAMES_ANOTHER = frozenset({HoldCode.SOURCE_NAMES_ANOTHER, HoldCode.SOURCE_WILL_NOT_RELEASE, HoldCode.NOBODY_HOLDS_IT})


def follow_up(code: HoldCode, word: HoldAnswer, *, subject: str, about: str | None) -> Remedy | None:
    """What is to be done beside or instead of this answer, if there is something."""
    if code in _NAMES_ANOTHER and word is HoldAnswer.AGAIN and about:
        return Remedy(RemedyCode.ASK_ELSEWHERE, request=about)
    if about and ((code in _OF_REQUESTS and word is HoldAnswer.SEEN) or (code in _SAID and word is HoldAnswer.AGAIN)):
        return Remedy(RemedyCode.ANSWER_REQUEST, request=about)
    if code in (HoldCode.OBJECTION_OF_ANOTHER, HoldCode.OBJECTION_UNMATCHED) and word is HoldAnswer.SEEN:
        return Remedy(RemedyCode.STOP_FORM_FIRST)
    if code in OF_STUCK_PACKETS and word is HoldAnswer.SEEN:
        return Remedy(RemedyCode.GIVE_UP_PACKET, case=subject)
    if code is HoldCode.IDENTITY_CHANGED:
        return Remedy(RemedyCode.MERGE_PATIENTS)
    if code is HoldCode.PATIENT_DIED:
        return Remedy(RemedyCode.END_AS_DIED, case=subject)
    if code is HoldCode.CONSENT_WITHOUT_FORM:
        return Remedy(RemedyCode.TAKE_TEMPLATE)
    if code is HoldCode.REFERRAL_UNREADABLE:
        return Remedy(RemedyCode.CLOSE_CASE, case=subject)
    return None
