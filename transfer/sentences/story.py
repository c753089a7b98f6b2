"""What happened, in one sentence for each kind of fact, for staff.

A sentence is a pattern with the fields of its fact, or a function of them, as in `transfer.sentences.desk`. Before it
is filled, each identifier and code in them is said in words: `Words`. Nothing of the patient stands in a fact.
"""

from collections.abc import Mapping
from dataclasses import fields
from typing import Final

from transfer import facts
from transfer.codes import Value
from transfer.facts import Fact
from transfer.sentences.decisions import HOLDS
from transfer.sentences.findings import FINDINGS
from transfer.sentences.flaws import FLAWS
from transfer.sentences.patterns import Pattern, filled
from transfer.sentences.waiting import REQUESTS
from transfer.sentences.words import Sentences

FactFields = Mapping[str, Value]
#: an identifier or a code → what people call it
Words = Mapping[str, str]


def _more(before: str, name: str, after: str = "") -> Pattern:
    """A part that is there only where the field says something."""
    return lambda said: f"{before}{filled('{' + name + '}', said)}{after}" if said[name] else ""


def _joined(*parts: Pattern) -> Pattern:
    return lambda said: "".join(filled(part, said) for part in parts)


def _counted(said: FactFields) -> str:
    of = f" of {said['expected']}" if said["expected"] else ""
    told = f"{said['received']}{of} {said['material']} received, logged in ({said['state']})"
    parts = (
        _more(", by ", "carrier"),
        _more("; labels: ", "labels"),
        _more("; a pathologist says: ", "judged"),
        lambda fields: "; with their report" if fields["with_report"] else "",
        _more("; due back on ", "due_back"),
    )
    return told + "".join(filled(part, said) for part in parts)


def _moved(said: FactFields) -> str:
    basis = f", on the basis of {said['basis']}" if said["basis"] else ""
    why = f" ({filled('{findings}', said)})" if said["findings"] else ""
    return f"{said['request']}: {said['state']}{basis}{why}"


def _answered(said: FactFields) -> str:
    fee = f", {said['amount']} {said['currency']}" if said["amount"] else ""
    aside = "" if said["counts"] else "; it came late, and changes nothing"
    return filled(
        _joined("{request} said: {answer}", _more(" (", "reason", ")"), _more(", ", "day"), _more(", ", "elsewhere")),
        said,
    ) + (fee + aside)


def _collected(said: FactFields) -> str:
    part = "" if said["is_whole"] else "; parts are missing"
    void = "; by its own word it does not count" if said["is_void"] else ""
    return f"{said['document']} received from {said['institution']}, on the basis of {said['basis']}{part}{void}"


def _destroyed(said: FactFields) -> str:
    gone, spared = said["records"], said["spared"]
    counts = f"{len(gone) if isinstance(gone, tuple) else 0} records destroyed"
    kept = f", {len(spared)} kept under another authorization" if isinstance(spared, tuple) and spared else ""
    return counts + kept + ("; nothing of the patient is left" if said["key_destroyed"] else "")


STORY: Final[Mapping[type[Fact], Pattern]] = {
    # the case
    facts.CaseOpened: "second-opinion request opened, from {referring} for {receiver}",
    facts.CaseMoved: "the request is about {patient} from now on",
    facts.CaseChanged: "changed: {changed} (said by: {said_in})",
    facts.AppointmentSet: _joined("{appointment}: expected", _more(" on ", "day"), " (said by: {said_in})"),
    facts.AppointmentCancelled: "{appointment} is cancelled (said by: {said_in})",
    facts.ReferralUpdated: "the referral is {status}",
    facts.ReferralEntered: "a referral of {institution} entered by hand",
    facts.CaseApproved: _joined("approved", _more(", without ", "lacking")),
    facts.CaseAssigned: lambda said: f"assigned to {said['to'] or 'nobody'}",
    facts.NextActionSet: "{request}: next look on {on}",
    facts.CaseClosed: _joined("closed: {ending}", _more("; ", "other", " goes on")),
    facts.NoteAdded: _joined("a note was written", _more(" (", "about", ")")),
    facts.FiledInChart: "{about} filed in our chart",
    facts.MisdirectionRecorded: _joined(
        "{what} went to the wrong place", _more(": ", "to"), ", noticed on {noticed_on}", _more("; done: ", "done")
    ),
    facts.CallLogged: _joined(
        "call to {callee}: {outcome}", _more(", promised by ", "promised_by"), _more("; next look on ", "next_action")
    ),
    facts.LetterCodeGiven: _joined("a code was given to the {holder}", _more(", for ", "request")),
    facts.LetterPinGiven: "a PIN was told to the {holder}, until {until}",
    facts.LetterPinShown: "the {holder} typed the PIN, and may send and sign",
    facts.LetterCodesEnded: "codes of the {holder} ended: {count}",
    facts.LetterOpened: _joined("the {holder} looked in by a code", _more(": ", "request")),
    facts.NeedAdded: _joined(
        "needed in addition: {document} from {institution}",
        _more(", ", "pieces"),
        _more(", ", "count", " of them"),
        _more(", of the ", "procedure"),
        _more(", ", "day"),
    ),
    facts.NeedDropped: "{line}: not needed after all",
    facts.NeedWaived: _joined("{line}: {waiver}", _more(" (", "record", ")")),
    facts.MilestoneReached: "the case has come so far: {milestone}",
    facts.CenterTold: "telling {recipient}: {milestone}, on the basis of {bases}",
    facts.TellingSettled: "the center knows of {milestone}: {outcome}",
    facts.HoldOpened: _joined("to do: {code}", _more(" (", "about", ")")),
    facts.HoldResolved: "{hold} Answered: {answer}",
    facts.PagesIndexed: _joined(
        "{document} of {institution} indexed from paper {incoming}, pages {pages}", _more("; it answers: ", "line")
    ),
    facts.StudyIndexed: lambda fields: (
        f"images of {fields['institution']} indexed from disc {fields['incoming']}, study {fields['study']}"
        + (", although the disc names the patient otherwise" if fields["differs"] else "")
    ),
    # requests
    facts.RequestMade: "{institution} is to be requested: {lines}",
    facts.RequestLinesChanged: "{request} is requested: {lines}",
    facts.RequestMoved: _moved,
    facts.RequestAnswered: _answered,
    # letters
    facts.LetterQueued: lambda said: (
        filled("{request}: a {which} letter is to go, by {way}", said) + (", by itself" if said["is_automatic"] else "")
    ),
    facts.LetterBegun: _joined("{request}: a letter is sent to {sent_to}", _more(", on the basis of ", "basis")),
    facts.LetterSettled: _joined("{request}: the letter is {state}", _more(" (", "failure", ")")),
    # records
    facts.RecordCollected: _collected,
    facts.PieceDescribed: "{piece} of {material}: {change}",
    facts.RecordCompleted: "{record}: whole now",
    facts.ImagesRejected: "{record}: {count} images in all are rejected by their archive",
    facts.RecordOpened: lambda said: (
        f"{said['record']}: {filled('{flaws}', said)}" if said["flaws"] else f"{said['record']}: can be read"
    ),
    facts.PagesWithheld: _joined(
        "pages withheld of {original}: ", lambda said: str(said["pages"] or "none"), " of {of}"
    ),
    facts.RecordTaken: "{record}: taken as it is",
    facts.RecordSuperseded: _joined("{record}: no longer counts ({relation}", _more(" ", "by_record"), ")"),
    facts.MaterialAwaited: "{pieces} outstanding from {institution}",
    facts.MaterialReceived: _counted,
    # packets
    facts.PacketPlanned: lambda said: f"packet {said['packet']} begun{', partial' if said['is_partial'] else ''}",
    facts.PacketAssembled: _joined("packet {packet} put together", _more(", without ", "lacking")),
    facts.DisclosureBegun: "handing over packet {packet} to {recipient}, on the basis of {bases}",
    facts.DisclosureSettled: "handing over {disclosure}: {outcome}",
    facts.EgressPermitted: "a download of {disclosure} opened, on the basis of {bases}",
    facts.EgressClosed: "a download ended after {size} bytes: {outcome}",
    facts.ConsultReportReceived: "the center sent its consult report as message {arrival}, from account {said_by}",
    facts.ReceiptRecorded: _joined(
        "the receiver says of packet {packet}: {status}",
        _more(" (", "reasons", ")"),
        _more(", at our pages, account ", "said_by"),
    ),
    facts.PacketPurged: "packet {packet} destroyed",
    facts.PacketRecalled: "packet {packet} recalled; what left before has left",
    facts.PacketGivenUp: "packet {packet} given up ({why})",
    facts.Anchored: "the audit log is signed in packet {packet}",
    # the patient
    facts.PatientKnown: "the patient was met first",
    facts.MatchDecided: "compared whose it is: {answer} ({match_rule})",
    facts.PatientsMerged: "two patients are one person",
    facts.PatientsSplit: "two people after all",
    facts.PermissionFiled: _joined("authorization {permission} filed", _more(", until ", "expires_at")),
    facts.PaperFormEntered: "an authorization on paper entered, from {institution}; signature: {signature}",
    facts.DisputeEntered: "authorization {permission} disputed: {dispute}",
    facts.DisputeWithdrawn: "authorization {permission} no longer disputed: {dispute}",
    facts.PermissionEnded: "authorization {permission}: {end}",
    facts.PermissionResumed: "authorization {permission} resumed",
    facts.EmergencyDeclared: "emergency declared: {discloser} may release to {recipient}",
    facts.StopCompleted: "stopped: no download is open any more under authorization {permission}",
    facts.LegalHoldPlaced: "a legal hold stands: nothing of the patient is destroyed",
    facts.LegalHoldLifted: "the legal hold is lifted",
    facts.RecordsPurged: _destroyed,
    # the desk
    facts.SessionBegun: lambda said: (
        filled("signed in as {roles}", said) + (", by the emergency account" if said["is_local"] else "")
    ),
    facts.LocalAccountSet: lambda said: (
        f"the emergency account {'has a password' if said['is_usable'] else 'is removed'}"
    ),
    facts.ReasonStated: "said why they look at the patient of {case}: {reason}",
    facts.PatientFlagged: lambda said: filled(
        "the patient of {case} is {flag}" if said["is_set"] else "the patient of {case} is no longer marked as {flag}",
        said,
    ),
    facts.IdentityViewed: "saw who the patients of {cases} are ({place})",
    facts.ContentViewed: _joined("saw what is written in {about}", _more(", of ", "case"), " ({place})"),
    facts.PatientsSought: _joined("looked for a patient by {by}", _more(", and was shown ", "shown")),
    facts.CenterAccountSet: lambda said: filled(
        "{center_account} of {institution} may sign in" if said["is_usable"] else "{center_account} signs in no more",
        said,
    ),
    facts.OutsideSessionBegun: _joined("somebody of outside signed in ({outsider})", _more(", for ", "institution")),
    facts.FacilityAdded: "facility {institution} added",
    facts.FacilityContactChanged: "facility {institution} is reached otherwise; nobody has called there yet",
    facts.FacilityCalledBack: "facility {institution} was called back, and is who it says",
    facts.ParcelReceived: _joined("parcel {parcel} received by {carrier}: {condition}", _more(", at ", "place")),
    facts.ReportMade: _joined(
        "took {rows} lines of {report} along, from {first} to {last}, SHA-256 {sha256}",
        _more(", about ", "case"),
        _more(", drawn with the seed ", "seed"),
    ),
    facts.AccountingAsked: "accounting {accounting} asked for on {asked_on}, of {case}, from {first} to {last}",
    facts.AccountingDelayed: "accounting {accounting} takes thirty days longer: {reason}",
    facts.AccountingGiven: "accounting {accounting} given on {given_on}: {rows} lines, SHA-256 {sha256}",
    facts.TrailViewed: "read all that was written about {about}",
    facts.PeriodReviewed: "reviewed {report} from {first} to {last}, {entries} lines: {finding}",
    facts.ChainsVerified: (
        "verified {chains} chains with {lines} lines: {broken} altered, {unanchored} lines in no packet yet"
    ),
    # the installation
    facts.PaperStored: "paper {incoming} came on line {line}, {pages} pages",
    facts.PaperTaken: "took {incoming} in Incoming",
    facts.DiscStored: "disc {incoming} came on line {line}, {studies} studies",
    facts.StudiesLeftOut: "studies {studies} of disc {incoming}: {became}",
    facts.PagesLeftOut: "pages {pages} of paper {incoming}: {became}",
    facts.PaperSentBack: "{incoming} in Incoming went back to its sender on {on}: {how}",
    facts.PaperDestroyed: "{incoming} in Incoming destroyed",
    facts.UnmatchedPurged: "{count} unmatched messages of {institution} of {day} destroyed",
    facts.BackupBegun: "backup {backup} begun, until {lapses}",
    facts.BackedUp: "backup {backup} made: {objects} objects, until {lapses}",
    facts.BackupDestroyed: "backup {backup} destroyed",
    facts.RestoreTested: "backup {backup} of {taken} restored as a test: {objects} objects, {chains} chains whole",
    facts.Restored: _joined("restored from backup {backup} of {taken}", _more("; stopped since: ", "stopped")),
}


#: the fields whose codes have sentences of their own
_SENTENCED: Final[Mapping[tuple[type[Fact], str], Mapping[str, Sentences]]] = {
    (facts.HoldOpened, "code"): HOLDS,
    (facts.RequestMoved, "state"): REQUESTS,
    (facts.RequestMoved, "findings"): FINDINGS,
    (facts.RecordOpened, "flaws"): FLAWS,
}


def happened(fact: Fact, words: Words) -> str:
    """What a fact says, as one sentence: it begins with a capital and ends with a full stop.

    Raises:
        KeyError: no sentence is written for this kind.
    """
    said = {
        one.name: _said(getattr(fact, one.name), words, _SENTENCED.get((type(fact), one.name), {}))
        for one in fields(fact)  # type: ignore[arg-type]
    }
    told = filled(STORY[type(fact)], said)
    return f"{told[:1].upper()}{told[1:].rstrip('.')}."


def _said(value: object, words: Words, sentenced: Mapping[str, Sentences]) -> Value:
    if isinstance(value, bool | int):
        return value
    if isinstance(value, tuple):
        return tuple(str(_said(one, words, sentenced)) for one in value)
    if value is None:
        return ""
    text = str(value)
    return sentenced[text].staff.rstrip(".") if text in sentenced else words.get(text, _plain(text))


def _plain(value: str) -> str:
    """A code as words. Identifiers and days stay as they are."""
    return value.replace("-", " ") if value.replace("-", "").isalpha() and value.islower() else value
