"""What a facility may say to a request, and what may be done about it, in the words of whoever writes it down.

*Completed* is said by messages alone: by telephone it is one of the others.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from transfer.requests import RequestAnswer

_A = RequestAnswer
#: each in a few words, and what follows from it
ANSWERS: Final[Mapping[RequestAnswer, tuple[str, str]]] = MappingProxyType(
    {
        _A.NO_RECORDS: ("They have no such records", "The only answer that counts as “does not exist”"),
        _A.NOT_FOUND: ("Not found under the names and numbers we gave", "Somebody looks for another number or name"),
        _A.WILL_SEND: ("They will send it", "It is awaited for their usual days"),
        _A.IN_PROGRESS: ("They are working on it", "Name the day, if they did"),
        _A.READY_ON: ("Ready on a day", "Name the day: it is looked after the business day after"),
        _A.NOT_SIGNED: ("The report is written and not signed yet", "Name the day, if they did"),
        _A.REST_FOLLOWS: ("This was a part, and the rest follows", "Name the day, if they did"),
        _A.ALREADY_SENT: ("Sent already", "Name to whom and when"),
        _A.FORM_REQUIRED: ("They want their own form", "Nothing goes on until the form is sent"),
        _A.AUTHORIZATION_NOT_ACCEPTED: ("They do not accept the authorization", "Say why: the patient signs another"),
        _A.IDENTIFIER_REQUIRED: ("They need another number, name or date", "The referring office is asked for it"),
        _A.FEE_REQUIRED: ("They want a fee", "Name the amount: somebody approves or disputes it"),
        _A.HELD_ELSEWHERE: ("Somebody else holds it", "Name who, if they did"),
        _A.REFUSED: ("They refuse", "Say why"),
        _A.UNCLEAR: ("None of these", "Write down what they said: somebody decides what it means"),
        _A.AGAIN: ("Request it again, now", "What they asked for is done"),
        _A.FORM_SENT: ("Their own form went to them", "Name the day, if it was not today"),
        _A.FEE_APPROVED: ("The fee is approved", "It is requested again"),
        _A.FEE_DISPUTED: ("The fee is disputed", "It is requested again"),
        _A.ASK_ELSEWHERE: ("Request it elsewhere", "Name who, or whom they named is asked"),
        _A.DO_WITHOUT: ("Do without it", "Nothing is awaited from them any more"),
    }
)
