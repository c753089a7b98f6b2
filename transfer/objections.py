"""A patient's "no" as it comes in: what it says at least, so that it stops at the door what it may be about.

45 CFR 164.508(b)(5): an authorization may be revoked at any time, in writing. 45 CFR 164.510 calls the act "to object".
An objection may be wrong in every other way, and stops all the same. A person sorts out what is doubtful.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from transfer.patients import Demographics, IssuedIdentifier

#: that something ends or is refused, and that it is a release: both in one text
_ENDS: Final = re.compile(
    r"revok|revocation|resci(nd|ssion)|withdr[ae]w|opt(s|ed|ing)?[-_ ]?out\b|refus", re.IGNORECASE
)
#: of a drug, and of a tendon or a nerve: orders and notes are called so
_NO_DRUG: Final = r"(?<!extended[- ])(?<!sustained[- ])(?<!delayed[- ])(?<!immediate[- ])"
_NO_SURGERY: Final = r"(?<!tunnel )(?<!finger )(?<!tendon )(?<!fascia )"
_OF_RELEASE: Final = re.compile(
    rf"authori[sz]ation|{_NO_DRUG}{_NO_SURGERY}release|disclos|permission|hipaa|\bphi\b"
    r"|\bconsent (to|for) (use|shar|exchange)|information"
    r"|records?\b|\broi\b|(^|\W)consent\W*(form)?$|\b(of|my|patient|privacy) consent$"
    r"|^\W*(patient |privacy )?consent\W+(form\W+)?(revoked|withdrawn|rescinded)\W*$",
    re.IGNORECASE,
)

#: titles of a "no" in words that end much else, too: each needs more of a release beside it. A request to restrict is
#: one of 45 CFR 164.522(a)
_CALLED_A_NO: Final = re.compile(
    r"(?=.*\b(releas|disclos|shar|records?\b|hipaa|phi\b|information)).*?"
    r"(\b(cancel\w{0,8}|terminat\w{1,5}|objection)\b.{0,40}\b(authori[sz]ation|consent|permission|hipaa)"
    r"|\b(authori[sz]ation|consent|permission|hipaa).{0,40}\b(cancel\w{0,8}|terminat\w{1,5}|objection)\b)"
    r"|(?=.*\b(disclos\w*|protected health|phi|release of (information|records))\b)"
    r"(\W*restrict|.*?\b(request\w*|agreement)\b.{0,40}\brestrict)",
    re.IGNORECASE,
)

#: a whole title. Of a consent to surgery are those that say more, or another word
_WHOLE_TITLE: Final = re.compile(
    r"\W*(patient )?((notice|letter|form|statement) of )?revocation( (form|letter|notice|request))?\W*"
    r"|\W*(patient |privacy )?(consent|authori[sz]ation)( form)?\W{1,3}(revocation|withdrawal)"
    r"( (form|letter|notice))?\W*"
    r"|\W*(roi|(consent|authori[sz]ation) (to|for) release( of (information|(medical |health )?records))?"
    r"|release of (information|(medical |health )?records)|hie|health information exchange)( form)?\W{1,3}"
    r"(revocation|withdrawal|cancell?(ation|ed)|opt\W?out|declin(ation|ed)|refus(al|ed)|void(ed)?)"
    r"( (form|letter|notice|by (the )?patient))?\W*"
    r"|\W*(cancell?ation|termination|declination|withdrawal|void(ed)?|cancell?ed)\W{1,3}(of )?(the )?"
    r"(roi|(consent|authori[sz]ation) (to|for) release|release of (information|(medical |health )?records))\b.{0,40}"
    r"|\W*declin(e|ed|es|ation) (to|of) (shar|releas|disclos)\w{1,4} .{0,30}(information|records?)\W*",
    re.IGNORECASE,
)

#: what tells of a right, of a rule or of a case that may come, and takes nothing back. May is a month, too
_TELLS: Final = re.compile(
    r"\b((?<!of )(?<!in )(?<!since )(?<!\d )may(?!\s{0,3}\d)"
    r"|can|could|might|must|right to|unless|until|if|how to|whether|ability to)\b",
    re.IGNORECASE,
)
_TELLS_IN_TEXT: Final = re.compile(
    r"\b(understand|except|any ?time|not (affect|apply|effective)|shall)\b"
    r"|^\W*(to )?(cancel|revok|terminat|withdraw|rescind|void|annul)(l?ing|e)? (this|the|your|an?)\b"
    r"|\b(not|never)( been)? (cancel|revok|terminat|withdr|rescind|void|annul)"
    r"|\bden(y|ies|ied|ying)( that)?( s?he| they| having)?( ever| has| have| had| been)*"
    r" (cancel|revok|withdr|rescind|refus)"
    r"|\b(no|without) (history|record|evidence|indication) (of|that)( an?| any| the| her| his)*"
    r"( (authori[sz]ation|consent) (is|was|has been))? (cancel|revo[ck]|withdr|rescind|rescission|refus)",
    re.IGNORECASE,
)
#: as rules do, and as notes do of what somebody did
_RULES_OR_TIMES: Final = re.compile(r"\b(upon|when|whenever|after|in writing)\b", re.IGNORECASE)
_DID: Final = re.compile(
    r"(^\W*|,\s{0,3})((the|this) )?(patient|pt\.?|s?he) (has |hereby |verbally )?"
    r"(revoke[sd]|rescind(s|ed)|withdr(aws|ew|awn)|refuse[sd]|decline[sd]|cancell?ed)\b",
    re.IGNORECASE,
)
#: what follows it, "and must be called", "until she has a lawyer", changes nothing of it
_BEGINS_WITH_DONE: Final = re.compile(
    r"\W{0,3}((the|this) )?(patient|pt\.?|s?he) (has |verbally )?(revoked|rescinded|withdrew|withdrawn|refused|declined"
    r"|refuses|declines)\b",
    re.IGNORECASE,
)
_GAP: Final = r"(\W{1,9}\w{1,40}){0,6}?\W{1,9}"
_SHARES: Final = r"(releas(e|ed|ing)|disclos\w{1,5}|shar(e|ed|ing)|sen(d|t|ding)|exchang(e|ing))"
_PAPERS: Final = r"(records?|information|data|phi|results|chart)\b"
#: words that end much else, an insurer's authorization among it: of a release they count beside its name alone
_STOPS: Final = (
    r"(cancel(s|led|ed|ling)?|terminat(e|es|ed|ing)|void(s|ed)?(?= (my|this|the|any|all))|annul(s|led)?"
    r"|takes? back|took back)"
)
_FORM: Final = r"(authori[sz]ation|consent|permission)"
#: a form to release by its own name, and as staff abbreviate it
_RELEASE_FORM: Final = (
    rf"(hipaa( {_FORM}| form)?|roi|release of information|release {_FORM}|{_FORM} (to|for|of) (the )?"
    r"(releas|disclos|shar|exchang)\w{1,5}( of)?( (my|her|his|their|the|all|medical|health|patient))*"
    r"( (records?|information))?)"
)
#: what is released, as one name: "declined record sharing", "stop all record transfers"
_SHARING: Final = r"((information|records?|data) (sharing|exchange|transfers?|releases?|disclosures?))\b"
#: the form by the name that patients give it
_SIGNED: Final = (
    r"(roi|release of ((my|her|his|their|the|all|medical|health) ){0,3}(information|records?)"
    r"|(records? )?release (form|i signed|s?he signed))\b"
)
#: "ROI revoked, plan to tell them" is the patient's
_INSURER: Final = r"((health|medical|insurance) )?(insur|payer|payor|plan\b)"
_BY_INSURER: Final = rf"(?!\W{{1,3}}by ((the|their|his|her|our|my|a|patient['’]s) )?{_INSURER})"
#: of an insurer, but where somebody took it back whose it is
_NOT_PRIOR: Final = r"(?:(?<!prior )|(?<=my prior )|(?<=h[ei][rs] prior )|(?<=their prior ))"
#: taken back by whoever gave it, or refused by whoever is asked: an insurer that refuses an authorization does neither.
#: Notices that forbid to disclose further (42 CFR 2.32, state laws) stand on records that may go
_IN_WORDS: Final = re.compile(
    rf"\b(revok\w{{1,5}}|revocation|withdr[ae]w\w{{0,5}}|rescind\w{{0,5}}|rescission){_GAP}"
    rf"(authori[sz]ation|hipaa|(consent|permission)\b{_GAP}{_SHARES})\b"
    rf"|\b{_NOT_PRIOR}authori[sz]ation{_GAP}(is|was|has been|been)( hereby)?"
    rf" (revoked|withdrawn|rescinded)\b{_BY_INSURER}"
    rf"|\b{_RELEASE_FORM}( (is|was|has been|been|hereby|now))*[ :-]{{1,3}}(revoked|withdrawn|rescinded|cancell?ed"
    rf"|terminated|voided|declined|refused)\b{_BY_INSURER}"
    rf"|\bauthori[sz]ation (revoked|withdrawn|rescinded|cancell?ed) (by|per) (the )?(patient|pt)\b"
    r"|\b(revok\w{1,5}|rescind\w{0,5}|withdr[ae]w\w{0,5}|refus\w{1,4}|declin\w{1,4}|cancel(s|l?ed)?|void|takes? back)"
    rf"( (to|sign|the|her|his|my|their|this|signed|an?)){{0,4}} {_SIGNED}"
    rf"|\b(refus\w{{1,4}}|declin\w{{1,4}}|opt(s|ed|ing)?[- ]?out){_GAP}"
    rf"({_SHARES}{_GAP}{_PAPERS}|{_SHARING}|health information exchange\b|hie\b)"
    r"|\b(do not|does not|did not|don['’]t|doesn['’]t|no longer) (give|grant)s?( (my|her|his|their))?"
    rf" {_FORM}{_GAP}{_SHARES}\b"
    r"|\b(request|ask|want|wish)(s|es|ed|ing)?( that)? no (further |more |other )?((medical|health) )?"
    rf"(records?|information){_GAP}{_SHARES}\b"
    rf"|\b(do not|don['’]t) {_SHARES}{_GAP}{_PAPERS}{_GAP}(per|at) ((the )?(patient|pt)\W{{0,2}}s?|her|his) request\b"
    rf"|\b(do not|does not|did not|don['’]t|doesn['’]t|no longer) (want|wish|agree|consent|permit|allow|authori[sz]e)"
    rf"\w{{0,2}}{_GAP}({_SHARES}{_GAP}{_PAPERS}|{_PAPERS}{_GAP}({_SHARES}|go\b(?! (astray|missing|unread|lost)\b)))\b"
    rf"|\b{_STOPS}{_GAP}({_FORM}{_GAP}{_SHARES}|{_SHARES}{_GAP}{_FORM})\b"
    rf"|\b{_FORM}{_GAP}{_SHARES}{_GAP}(is|was|has been|been)"
    rf"( hereby)? (cancell?ed|terminated|void(ed)?|no longer valid)\b{_BY_INSURER}"
    r"|(?<!will )(?<!would )\bstop(s|ped)?( the)? (releasing|disclosing|sharing|sending|exchanging)"
    rf"{_GAP}{_PAPERS}"
    r"|(?<!will )(?<!would )\b(stop|discontinue|cease)( (the|all|any|further)){0,2}"
    rf" ((the )?releas(e|ing) of{_GAP}{_PAPERS}|{_SHARING})"
    rf"|(?<!not )(?<!no )(?<!n['’]t )\bobject(s|ed)? to{_GAP}{_SHARES}{_GAP}{_PAPERS}"
    rf"|\b(do not|don['’]t|never) {_SHARES} my{_GAP}{_PAPERS}"
    # as forms in Spanish have it
    rf"|\b(revoco|retiro|cancelo|anulo){_GAP}(autorizaci[oó]n|consentimiento)\b"
    rf"|\bno (autorizo|permito|quiero|doy){_GAP}(divulg|compart|revel|env[ií]|entreg)",
    re.IGNORECASE,
)
#: what a patient forbids of their own, and the words with which a printed form says what the law forbids
_FORBIDS: Final = re.compile(
    r"\bmy ((own|medical|health|patient|private|personal) ){0,3}(records?|information|data|phi|results|chart)"
    r"( \w{1,20}){0,3}? ((must|shall|should|may|can)( never| not)|cannot|can['’]t|(are|is) not to) be"
    r" (released|shared|disclosed|sent|given|exchanged|forwarded)\b",
    re.IGNORECASE,
)
_AS_THE_LAW: Final = re.compile(
    r"\b(without|unless|except|until|if|understand|other than|re-?disclosed|yet|by e-?mail)\b", re.IGNORECASE
)
#: what a result is called whose value is a consent: LOINC's codes, and words
_OF_CONSENT: Final = re.compile(
    r"59284-0|64292-6|consent\W*(document|status|form|decision|directive|to|$)|information (shar|exchang)",
    re.IGNORECASE,
)
_REFUSED: Final = re.compile(r"\b(refus|declin|denied|deny|revok|withdr|rescind|opt\w*[- ]?out)", re.IGNORECASE)
#: what refuses a release where the question names one, and nobody says yes
_ENDED: Final = re.compile(
    r"(?<!not )\b(reject|withh[eo]ld|cancel|terminat|inactive|expired)|(?<!no )(?<!not )\bobject(s|ed|ion)\b"
    r"|\bdo(es)? not\b",
    re.IGNORECASE,
)
_YES: Final = re.compile(r"\W*(y|yes|true)\b", re.IGNORECASE)
#: a bare no refuses a release where the question names one: a consent to anything may be asked for
_ASKS_FOR_RELEASE: Final = re.compile(
    r"59284-0|64292-6|release of information|information (shar|exchang)"
    r"|consent (to|for)( the)? (use|shar|exchang|releas|disclos|send)",
    re.IGNORECASE,
)
_BARE_NO: Final = re.compile(r"\W*(no?|false)\W*", re.IGNORECASE)
#: a line that goes on in the next: that one begins small, or both are long and in capitals
_WRAPPED: Final = re.compile(
    r"(?<=[^\s.;:!?])[ \t]*(?:\r\n|\r|\n)[ \t]*(?=[a-z])|(?<=[^a-z.;:!?\r\n]{50})(?:\r\n|\r|\n)[ \t]*(?=[A-Z])"
)
_SENTENCE_ENDS: Final = re.compile(r"[.;!?\n\r\f\u2022]+\s*")


#: of bytes in capitals: what is in every name and sentence that ends something, and what is in each of those words.
#: Looking for these alone takes a tenth of the time
_ENDING: Final = re.compile(rb"REVOK|REVOCATION|RESCI(ND|SSION)|WITHDR[AE]W|OPT(S|ED|ING)?[-_ ]?OUT|REFUS")
_OF_ENDING: Final = (b"REVO", b"RESCI", b"WITHDR", b"OPT", b"REFUS")
#: what is in every other sentence that refuses, and in the value of a consent that does
_DENYING: Final = (
    *(b"DECLIN", b"DENI", b"DENY", b"'T ", b"\x92T ", b"\x99T ", b"NO LONGER ", b"NEVER "),
    *(
        b"CANCEL",
        b"TERMINAT",
        b"VOID",
        b"ANNUL",
        b" BACK ",
        b"STOP",
        b"DISCONTINU",
        b"CEASE",
        *(b"NO RECORDS ", b"NO INFORMATION ", b"RECORDS BE ", b"INFORMATION BE "),
        *(b"FURTHER RECORD", b"FURTHER INFO", b"FURTHER MED", b"FURTHER HEALTH", b"MORE RECORD", b"MORE INFO"),
        b"OBJECT",
        b"REJECT",
        b"WITHH",
        b"INACTIV",
        b"EXPIRED",
        b"RESTRICT",
    ),
    *(b"NO AUTORIZO", b"NO PERMITO", b"NO QUIERO", b"NO DOY", b"REVOCO ", b"RETIRO ", b"ANULO "),
)
#: what is in each of those besides: of a release, or of a consent
_RELEASING: Final = (
    *(b"RELEAS", b"DISCLOS", b"SHAR", b"SEND", b" SENT", b"EXCHANG", b"HIE", b"CONSENT", b"59284-0", b"64292-6"),
    *(
        b"HIPAA",
        b"PHI",
        b" ROI",
        b"ROI ",
        b"ROI:",
        b"PROTECTED HEALTH",
        b"AUTHORI",
        b"PERMISSION",
        *(b"BE GIVEN", b"FORWARD"),
        b"RECORD",
        b"INFORMATION",
    ),
    *(b"AUTORIZACI", b"DIVULG", b"COMPART", b"REVEL", b"ENVI", b"ENV\xc3", b"ENV\xed", b"ENV\xcd", b"ENTREG"),
)
_NOT: Final = re.compile(rb"NOT(?![A-Z])")
#: a bare no that stands for itself, beside the name of a consent to a release
_NO_ALONE: Final = re.compile(rb"[^A-Z0-9 ] *(NO?|FALSE)(?! *[A-Z0-9])")
_ASKING: Final = (b"CONSENT", b"59284-0", b"64292-6", b"RELEASE OF INFO", b"INFORMATION SHAR", b"INFORMATION EXCH")


def says_ending(capitals: bytes) -> bool:
    """Whether a word of a "no" stands in bytes in capitals. Without one nothing in them `ends`."""
    return any(map(capitals.__contains__, _OF_ENDING)) and _ENDING.search(capitals) is not None


def says_refusing(capitals: bytes) -> bool:
    """Whether any other words of a "no" stand in bytes in capitals: without them and `says_ending`, nothing in them
    `refuses_in_words`, nor is it `is_no` or `is_refused`.
    """
    holds = capitals.__contains__
    if not any(map(holds, _RELEASING)):
        return False
    if any(map(holds, _DENYING)) or (holds(b"NOT") and _NOT.search(capitals)):
        return True
    return any(map(holds, _ASKING)) and _NO_ALONE.search(capitals) is not None


def tells_only(said: str) -> bool:
    """Whether it speaks of a right to revoke, and uses none."""
    return bool(_TELLS.search(said))


def ends(said: str) -> bool:
    """Whether the name of something says that it ends or is refused: "Revocation", and not "Right to revoke"."""
    return bool(_ENDS.search(said)) and not tells_only(said)


def refuses_in_words(text: str) -> bool:
    """Whether a sentence of a text takes a release back or refuses one: "I hereby revoke my authorization". What tells
    of a right to do so is none. Each line counts by itself, and with the one that it goes on in.
    """
    together = _WRAPPED.sub(" ", text)
    return any(
        (_IN_WORDS.search(one) and not _is_of_rights(one)) or (_FORBIDS.search(one) and not _AS_THE_LAW.search(one))
        for each in dict.fromkeys((text, together))
        for one in _SENTENCE_ENDS.split(each)
    )


def is_refused(called: Iterable[str], values: Iterable[str]) -> bool:
    """Whether a result is one of a consent to a release, by what it is called, and says that it is refused."""
    called, values = [*called], [*values]
    if any(map(_ASKS_FOR_RELEASE.search, called)) and (
        any(map(_BARE_NO.fullmatch, values)) or (any(map(_ENDED.search, values)) and not any(map(_YES.match, values)))
    ):
        return True
    return any(map(_OF_CONSENT.search, called)) and any(map(_REFUSED.search, values))


def _is_of_rights(sentence: str) -> bool:
    if _TELLS_IN_TEXT.search(sentence):
        return True
    if tells_only(sentence):
        return not _BEGINS_WITH_DONE.match(sentence)
    return bool(_RULES_OR_TIMES.search(sentence)) and not _DID.search(sentence)


def is_no(title: str) -> bool:
    """Whether a document of this title is a "no" to a release: "Revocation of authorization". Refusals of treatment
    are none.
    """
    return ends_release(title) or bool(_CALLED_A_NO.match(title)) or bool(_WHOLE_TITLE.fullmatch(title))


def ends_release(said: str) -> bool:
    """Whether a text of any kind says that something ends, and names a release: "Consent for sharing withdrawn"."""
    return bool(_ENDS.search(said) and _OF_RELEASE.search(said))


def names_release(said: str) -> bool:
    """Whether a text of any kind names a release, or a form that permits one."""
    return bool(_OF_RELEASE.search(said))


class ObjectionKind(StrEnum):
    """What is said against a release, or against a form that permits one."""

    #: taken back: Consent.status inactive, CON-11 X
    REVOKED = "revoked"
    #: the form should never have been filed: Consent.status entered-in-error
    ENTERED_IN_ERROR = "entered-in-error"
    #: a release is refused: a provision of type deny, Consent.status rejected, CON-11 R
    REFUSED = "refused"
    #: a form in the place of one filed before: it objects to what it no longer permits
    REPLACES = "replaces"
    #: its state cannot be read: it may be any of these
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """What a message says against a release, read leniently. Nothing in it is checked."""

    kind: ObjectionKind
    #: whom it may be about; several where it does not say which
    patients: tuple[Demographics, ...]
    #: numbers of release forms: its own, and those it names
    references: tuple[IssuedIdentifier, ...]
    #: False: by telephone or by word of mouth (CON-10)
    is_written: bool = True
