"""Who may sign for a patient, and when a form can have been signed (45 CFR 164.508(c)(1)(vi), 164.502(g))."""

import re
import unicodedata
from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from typing import Final

#: 45 CFR 164.508 was published on this day (65 FR 82462): no form was signed under it before
EARLIEST: Final = date(2000, 12, 28)
#: years; below, state law says who signs (164.502(g)(3))
MAJORITY: Final = 18

#: v3-RoleCode: who acts for a patient by law or by the patient's own word. An executor does not, for then the patient
#: has died. Nor does a special power of attorney, a guardian for a lawsuit, a responsible party: these may be for
#: something else
_AUTHORITIES: Final = frozenset(
    {"POWATT", "HPOWATT", "DPOWATT", "GUARD"}
    | {"power of attorney", "health care power of attorney", "healthcare power of attorney"}
    | {"medical power of attorney", "durable power of attorney"}
    | {"durable power of attorney for health care", "durable power of attorney for healthcare"}
    | {"health care proxy", "healthcare proxy", "health care agent", "healthcare agent"}
    | {"guardian", "legal guardian", "court appointed guardian", "conservator"}
    | {"personal representative", "legal representative"}
)
_PARENTS: Final = frozenset(
    {"PRN", "NPRN", "PRNFOST", "MTH", "NMTH", "ADOPTP", "FTH", "NFTH", "ADOPTF", "ADOPTM", "STPPRN"}
    | {"parent", "mother", "father", "natural mother", "natural father", "adoptive parent"}
)
#: who is close to a patient and acts for nobody by that
_CLOSE: Final = frozenset(
    {"NBOR", "FRND", "ROOM", "FAMMEMB", "SPS", "HUSB", "WIFE", "DOMPART", "SIGOTHR", "CHILD", "SON", "DAU", "SONC"}
    | {"DAUC", "NCHILD", "SIB", "BRO", "SIS", "GRPRN", "GRMTH", "GRFTH", "AUNT", "UNCLE", "COUSN", "EXT", "NOK", "ECON"}
    | {"neighbor", "neighbour", "friend", "roommate", "family member", "spouse", "husband", "wife", "partner", "child"}
    | {"son", "daughter", "sibling", "brother", "sister", "grandparent", "aunt", "uncle", "cousin", "next of kin"}
    | {"emergency contact"}
)


#: words beside a lawful authority that make it one for something else, or for another time
_LIMITED: Final = frozenset(
    {"estate", "financial", "finances", "property", "money", "litem", "lawsuit", "litigation", "temporary", "limited"}
    | {"special", "former", "ex", "expired", "ended", "revoked", "pending", "applied", "not", "no", "only"}
)


class AuthorityKind(StrEnum):
    """By what right somebody signs for a patient."""

    LAWFUL = "lawful"
    PARENT = "parent"
    NONE = "none"
    #: in words that no rule knows
    UNCLEAR = "unclear"


def authority(said: str) -> AuthorityKind:
    """What a representative's authority is, by code of v3-RoleCode or in the words of the list above."""
    known = ((_AUTHORITIES, AuthorityKind.LAWFUL), (_PARENTS, AuthorityKind.PARENT), (_CLOSE, AuthorityKind.NONE))
    words = " ".join(re.findall(r"[a-z]+", said.casefold()))
    return next((kind for names, kind in known if said.strip() in names or words in names), AuthorityKind.UNCLEAR)


def is_limited(said: str) -> bool:
    """Whether a name of an authority says that it is for something else, as "guardian of the estate" does."""
    return not _LIMITED.isdisjoint(re.findall(r"[a-z]+", said.casefold()))


def names_relation(said: str) -> bool:
    """Whether a word of it is one for somebody who is not the patient: "her mother"."""
    known = _BESIDES | {name for name in _AUTHORITIES | _PARENTS | _CLOSE if name.islower()}
    return not known.isdisjoint(re.findall(r"[a-z]+", said.casefold()))


def strongest(said: Iterable[str]) -> str | None:
    """Of several names for one authority, the one that counts most; the first of equals."""
    return min(said, key=lambda name: list(AuthorityKind).index(authority(name)), default=None)


def age(born: date, on: date) -> int:
    """Whole years."""
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


_BESIDES: Final = frozenset({"mom", "dad", "attorney", "proxy", "agent", "representative", "behalf", "caregiver"})

_NO_EVENT: Final = frozenset(
    {"", "none", "no", "never", "na", "n a", "nil", "null", "not applicable", "no expiration", "no expiry", "no end"}
    | {"does not expire", "doesn t expire", "will not expire", "never expires", "non expiring", "no expiration event"}
    | {"indefinite", "indefinitely", "unlimited", "forever", "always", "perpetual", "in perpetuity", "permanent"}
    | {"permanently", "ongoing", "continuous", "lifetime", "lifelong", "for life", "life", "open", "open ended"}
    | {"unknown", "not known", "not specified", "unspecified", "none specified", "none given", "none stated"}
    | {"not stated", "no event", "no date", "no limit", "no time limit", "without limit", "without end", "undefined"}
    | {"no expiration date", "tbd", "to be determined", "pending", "other", "event", "expiration", "date", "yes"}
    | {"blank", "left blank", "empty", "see form", "see attached", "see above", "see below", "see reverse", "same"}
    | {"same as above", "as above", "missing", "ninguno", "ninguna", "nunca", "no aplica", "no vence", "indefinido"}
    | {"standard", "default", "same as the other form", "until i say otherwise", "until i change my mind"}
    | {"permanente", "siempre", "ilimitado", "ilimitada", "bis auf widerruf"}
)
#: that the patient may end it is no end, for every form says so (164.508(c)(2)(i))
_UNTIL_REVOKED: Final = re.compile(
    r"((valid|good|in force|effective|remains in effect) )?((until|till?|unless|when|on|upon) )?"
    r"((it is|this is|i|the patient|patient) )?(revok\w*|revocation|cancel\w*|withdraw\w*|rescind\w*|further notice)"
    r"( (it|this|in writing|by me|by patient|by the patient))*"
)
_END_OF_STUDY: Final = re.compile(
    r"(the )?(end|completion|conclusion|close|termination) of ((the|this|my|a) )?((research|clinical|medical) )?"
    r"(study|trial|research|project)"
)
_NOTHING: Final = re.compile(r"x+|\d{1,3}")
#: however it goes on: "does not expire until revoked", "as allowed by law", "hasta que la revoque"
_ENDLESS: Final = re.compile(
    r"((does|do|will|shall) not|never) (expires?|ends?)\b.*|indefinite(ly)?\b.*"
    r"|(as )?per (the )?(\w+ ){0,2}(policy|law)"
    r"|as (allowed|permitted|required) by( the| state| federal)? law"
    r"|(for )?as long as (needed|necessary|required|i live)"
    r"|(for |the )?((duration|term|rest) of )?(my|the patient s|his|her) (life|lifetime)|life of the (account|record)"
    r"|hasta (que )?(\w+ ){0,3}(revo\w*|cancel\w*|aviso)\b.*|sin (vencimiento|fecha|limite|termino)\b.*"
    r"|no (expira|vence|caduca)\b.*|jusqu a (la |sa )?revocation"
)
_NUMBER: Final = r"(\d+|an?|one|two|three|four|five|six|seven|eight|nine|ten|twelve|eighteen|thirty|sixty|ninety)"
_MONTH: Final = r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
_WHEN: Final = re.compile(
    rf"\b{_NUMBER} ?((calendar|business|full) )?(d|days?|w|wks?|weeks?|mos?|months?|y|yrs?|years?)\b"
    r"|\b(end|close) of ((the|this|next) )?(day|week|month|quarter|year)\b"
    r"|\b(19|20)\d\d\b|\b\d{1,2} \d{1,2} \d{2,4}\b|\b\d{6,8}\b"
    rf"|\b{_MONTH}[a-z]* \d|\d ?(st|nd|rd|th)? (of )?{_MONTH}"
    r"|\b(days|weeks|months|years|hours|fortnights?|decades?|dias|semanas|meses|anos)\b|\bun (ano|mes|dia)\b"
    r"|\b(next|this|same|calendar|fiscal|school) (day|week|month|quarter|year)\b|\bq[1-4]\b"
    r"|^(the |in )?(spring|summer|autumn|fall|winter|christmas|new year s( day| eve)?|easter|thanksgiving|today"
    r"|tomorrow|midnight|immediately|(upon|on|at) signing)$"
    rf"|^({_MONTH}[a-z]*)$"
    # after how many uses: nobody counts them
    r"|\b(one|single|1) ?(time )?(use|disclosure|release|copy)\b"
    r"|\bonce (it is |they are )?(sent|released|disclosed|used)\b"
    r"|^(illegible|unreadable|unclear|not (legible|readable)|(cannot|can not|can t|could not|couldn t) (be )?read)$"
)


def _plain(said: str | None) -> str:
    """Its words, without accents."""
    parts = unicodedata.normalize("NFKD", said or "")
    bare = "".join(one for one in parts if not unicodedata.combining(one))
    return " ".join(re.findall(r"[a-z0-9]+", bare.casefold()))


def is_event(said: str | None) -> bool:
    """Whether a form names an event at which it expires.

    "None" and "end of the research study" are enough for research alone (164.508(c)(1)(v)). "Until revoked" is no end.
    """
    words = _plain(said)
    return words not in _NO_EVENT and not any(
        pattern.fullmatch(words) for pattern in (_UNTIL_REVOKED, _END_OF_STUDY, _NOTHING, _ENDLESS)
    )


def says_when(said: str | None) -> bool:
    """Whether what stands there for an event is a day or a span, such as "one year from signing", or cannot be read: no
    rule counts it.
    """
    return bool(_WHEN.search(_plain(said)))
