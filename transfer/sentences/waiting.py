"""How an ask stands (to staff and whom it went to), why a case waits (to staff and the patient), and what is known of a
line (to staff)."""

from collections.abc import Mapping

from transfer.completeness import NeedState, WaitCode
from transfer.materials import Discrepancy
from transfer.requests import RequestState
from transfer.sentences.words import THEIRS, WORKING, Sentences

REQUESTS: Mapping[str, Sentences] = {
    RequestState.EXPECTED: Sentences(
        "We wait for what this department sends.",
        institution="We expect these records from you.",
    ),
    RequestState.DUE: Sentences(
        "To be asked; the system asks by itself.", institution="A request for records will reach you."
    ),
    RequestState.ASKING: Sentences("Being asked right now.", institution="A request for records is on its way to you."),
    RequestState.ANSWERED: Sentences(
        "The department has answered.", institution="We have received your answer. Thank you."
    ),
    RequestState.PARTLY: Sentences(
        "Something came, and more is owed.",
        institution="We have received part of what we asked for and await the rest.",
    ),
    RequestState.NOT_FOUND: Sentences(
        "Not found under these identifiers. That proves nothing: ask under former names or numbers, or by telephone.",
        institution="Nothing was found under the identifiers we gave. We will ask again with others.",
    ),
    RequestState.FORBIDDEN: Sentences(
        "The source refuses us access. That does not mean it has nothing: settle the access with it.",
        institution="Your system refused our request. Please tell us what is needed.",
    ),
    RequestState.NO_RECORDS: Sentences(
        "The source says that it holds nothing.", institution="You answered that you hold no such records. Thank you."
    ),
    RequestState.SILENT: Sentences(
        "No answer, and the usual time is over. Call them, or ask elsewhere.",
        institution="We have had no answer to our request. Please call us.",
    ),
    RequestState.NOT_PERMITTED: Sentences(
        "Not asked yet: no release form in force covers it.",
        institution="A signed release form is still awaited.",
    ),
    RequestState.WITHDRAWN: Sentences(
        "Withdrawn; nothing is awaited from there any more.",
        institution="Our request is withdrawn. Please send nothing more.",
    ),
    RequestState.IN_PROGRESS: Sentences(
        "The source is working on it.", institution="You are working on our request. Thank you."
    ),
    RequestState.READY_ON: Sentences(
        "The source says when it is ready.", institution="You told us when the records are ready. Thank you."
    ),
    RequestState.NOT_SIGNED: Sentences(
        "The report is written and not signed yet.", institution="We wait for the signed report."
    ),
    RequestState.REST_FOLLOWS: Sentences(
        "A part came; the source sends the rest.", institution="We have part of the records, and wait for the rest."
    ),
    RequestState.FORM_REQUIRED: Sentences(
        "The source wants its own form. Its time stands still.",
        institution="You want your own form. We are filling it in.",
    ),
    RequestState.AUTHORIZATION_NOT_ACCEPTED: Sentences(
        "The source does not accept the release form. Its time stands still.",
        institution="You did not accept the release form. We are getting another one.",
    ),
    RequestState.IDENTIFIER_REQUIRED: Sentences(
        "The source needs another number, name or date. Its time stands still.",
        institution="You need another identifier. We are finding it out.",
    ),
    RequestState.FEE_REQUIRED: Sentences(
        "The source wants a fee. Its time stands still.", institution="You asked for a fee. We are deciding about it."
    ),
    RequestState.ALREADY_SENT: Sentences(
        "The source says that it sent this already.",
        institution="You told us that you sent this already. We are looking for it.",
    ),
    RequestState.HELD_ELSEWHERE: Sentences(
        "The source says that somebody else holds this.", institution="You told us who holds the records. Thank you."
    ),
    RequestState.ASKED_ELSEWHERE: Sentences(
        "Asked where the source said that it is.", institution="We are asking where you told us to."
    ),
    RequestState.REFUSED: Sentences(
        "The source refuses to give it. That does not mean that there is none.", institution="You declined our request."
    ),
    RequestState.ANSWER_UNCLEAR: Sentences(
        "The source answered what only a person can read.", institution="We are reading your answer, and may call you."
    ),
}

WAITS: Mapping[str, Sentences] = {
    WaitCode.TO_ASK: Sentences("Waits for us: the system asks next, by itself.", THEIRS),
    WaitCode.SOURCE_RETRY: Sentences("Waits for the next try: the source could not be reached.", THEIRS),
    WaitCode.SOURCE_PUSH: Sentences("Waits for what the source sends.", THEIRS),
    WaitCode.CALL_BACK: Sentences("Call back first; the letter goes then.", THEIRS),
    WaitCode.SOURCE_REST: Sentences(
        "Waits for the rest: what came is not whole.", "Part of your records has come. We are asking for the rest."
    ),
    WaitCode.RELEASE_FORM: Sentences(
        "Waits for the release form.", "We need a signed release form from you before we may ask for your records."
    ),
    WaitCode.CONFIRM_ABSENT: Sentences(
        "Needs a decision: not found under these identifiers. Ask otherwise, or confirm that it does not exist.",
        "We are looking further for a part of your records.",
    ),
    WaitCode.SOURCE_FORBIDS: Sentences("Needs a decision: the source refuses us access.", THEIRS),
    WaitCode.SOURCE_SILENT: Sentences(
        "Needs a decision: the source does not answer.", "The institution has not answered yet. We are calling them."
    ),
    WaitCode.SOURCE_WORKS: Sentences("Waits for the source: it is working on it.", THEIRS),
    WaitCode.SOURCE_READY: Sentences("Waits for the source: it says when it is ready.", THEIRS),
    WaitCode.SOURCE_SIGNS: Sentences("Waits for the source: the report is not signed yet.", THEIRS),
    WaitCode.SOURCE_SENDS_REST: Sentences(
        "Waits for the source: it sends the rest.", "Part of your records has come. The rest follows."
    ),
    WaitCode.THEIR_FORM: Sentences(
        "Needs a decision: the source wants its own form, and its clock stands still. File the form there.",
        "The institution wants a form of its own. We may need your signature.",
    ),
    WaitCode.BETTER_AUTHORIZATION: Sentences(
        "Waits for the patient: the source does not accept the release form, and its clock stands still.",
        "The institution needs another release form from you. We will call you.",
    ),
    WaitCode.OTHER_IDENTIFIER: Sentences(
        "Waits for the referring office: the source needs another identifier, and its clock stands still.",
        "The institution needs another number of yours. We may call you.",
    ),
    WaitCode.FEE: Sentences(
        "Needs a decision: the source wants a fee, and its clock stands still. Approve or dispute it.", WORKING
    ),
    WaitCode.SENT_BEFORE: Sentences(
        "Needs a decision: the source says that it sent this already. Look for it, or ask again.",
        "The institution says that it sent your records. We are looking for them.",
    ),
    WaitCode.ELSEWHERE: Sentences(
        "Needs a decision: the source says that somebody else holds this. Ask there.",
        "Your records are held by another institution. We are asking there.",
    ),
    WaitCode.NOBODY_HOLDS: Sentences(
        "Needs a decision: whom the source named does not hold it either.",
        "We are looking further for a part of your records.",
    ),
    WaitCode.REFUSAL: Sentences(
        "Needs a decision: the source refuses to give it. Settle it with them, or ask elsewhere.", THEIRS
    ),
    WaitCode.UNCLEAR: Sentences("Needs a decision: the source answered what only a person can read.", THEIRS),
    WaitCode.NOT_IN_ANSWER: Sentences(
        "Needs a decision: the source answered, and this was not in it.",
        "We are looking further for a part of your records.",
    ),
    WaitCode.UNDECIDED: Sentences("Needs a decision: the source found somebody who may be the patient.", THEIRS),
    WaitCode.NOBODY_ASKED: Sentences(
        "Needs a decision: no known source holds this. Find out who does.",
        "We are finding out who holds a part of your records.",
    ),
    WaitCode.UNVERIFIED: Sentences(
        "Needs a decision: a record came that may not answer the line (not final, undated, or of another kind).",
        WORKING,
    ),
    WaitCode.NOT_OPENED: Sentences("Waits for us: what came is opened by itself, before it counts.", WORKING),
    WaitCode.NOT_READABLE: Sentences(
        "Needs a decision: what came cannot be read. Ask for it again, or settle the line.", THEIRS
    ),
    WaitCode.NEWER_NEEDED: Sentences(
        "Waits for a newer one: what came is too old.", "The center needs newer results than those we have."
    ),
    WaitCode.OTHER_DAY_NEEDED: Sentences(
        "Waits for one nearer in time to the record that it belongs to.",
        "The center needs results of another day than those we have.",
    ),
    WaitCode.MATERIAL: Sentences(
        "Waits for slides or blocks.",
        "We are waiting for the tissue samples from the laboratory. You need not do anything.",
    ),
    WaitCode.MATERIAL_TO_ASK: Sentences(
        "Needs a call: slides or blocks are needed, and nobody asked the laboratory yet.",
        "More tissue samples are needed from the laboratory. You need not do anything.",
    ),
    WaitCode.MATERIAL_REFUSED: Sentences(
        "Needs a decision: the laboratory does not release the material. Ask for recuts instead.", THEIRS
    ),
    WaitCode.MATERIAL_UNANNOUNCED: Sentences(
        "Needs a number: pieces came, and nobody said how many were sent. Enter the count from the sender's list.",
        WORKING,
    ),
    WaitCode.MATERIAL_DISCREPANCY: Sentences(
        "Needs a decision: the pieces that came are not those announced. Call the laboratory.", WORKING
    ),
    WaitCode.MATERIAL_NOT_ENOUGH: Sentences(
        "Needs a decision: the center asks for other pieces, or more. Ask the laboratory, or settle the line.", WORKING
    ),
}

NEEDS: Mapping[str, Sentences] = {
    NeedState.MISSING: Sentences("Still missing."),
    NeedState.REQUESTED: Sentences("Still missing; asked for."),
    NeedState.RECEIVED: Sentences("Just came in; not verified."),
    NeedState.SATISFIED: Sentences("Have it."),
    NeedState.SATISFIED_BY_OTHER: Sentences("Have a substitute for it."),
    NeedState.EXPIRED: Sentences("Have it, but too old."),
    NeedState.ABSENT_WITH_REASON: Sentences("Does not exist, with the reason."),
    NeedState.NOT_APPLICABLE: Sentences("Not needed here."),
    NeedState.WAIVED: Sentences("Not needed; somebody said so."),
    NeedState.AWAITED_MATERIAL: Sentences("Slides or blocks awaited."),
}

DISCREPANCIES: Mapping[str, Sentences] = {
    Discrepancy.TOO_FEW: Sentences("Fewer pieces came than were announced. Call the laboratory."),
    Discrepancy.LABELS: Sentences("The labels are not those of the papers that came with them. Call the laboratory."),
    Discrepancy.TOO_MANY: Sentences("More pieces came than were announced. Call the laboratory."),
}
