"""How an ask stands, why a case waits and what is known of a line, said three ways."""

from collections.abc import Mapping

from transfer.completeness import NeedState, WaitCode
from transfer.materials import Discrepancy
from transfer.requests import RequestState
from transfer.sentences.words import THEIRS, WORKING, Sentences

REQUESTS: Mapping[str, Sentences] = {
    RequestState.EXPECTED: Sentences(
        "This department sends by itself; we wait for it.",
        THEIRS,
        "We expect records from you; you send them by yourselves.",
    ),
    RequestState.DUE: Sentences(
        "To be asked; the system asks by itself.",
        THEIRS,
        "A request for records will reach you.",
    ),
    RequestState.ASKING: Sentences("Being asked right now.", THEIRS, "A request for records is on its way to you."),
    RequestState.ANSWERED: Sentences(
        "The department has answered.",
        "The institution has answered.",
        "We have received your answer. Thank you.",
    ),
    RequestState.PARTLY: Sentences(
        "Something came, and more is owed.",
        "Part of your records has come. We are asking for the rest.",
        "We have received part of what we asked for and await the rest.",
    ),
    RequestState.NOT_FOUND: Sentences(
        "Not found under these identifiers. That proves nothing: ask under former names or numbers, or by telephone.",
        "The institution did not find your records at once. We are looking further.",
        "Nothing was found under the identifiers we gave. We will ask again with others.",
    ),
    RequestState.FORBIDDEN: Sentences(
        "The source refuses us access. That does not mean it has nothing: settle the access with it.",
        THEIRS,
        "Your system refused our request. Please tell us what is needed.",
    ),
    RequestState.NO_RECORDS: Sentences(
        "The source says that it holds nothing.",
        "The institution says that it holds no records of this kind.",
        "You answered that you hold no such records. Thank you.",
    ),
    RequestState.SILENT: Sentences(
        "No answer, and the usual time is over. Call them, or ask elsewhere.",
        "The institution has not answered yet. We are calling them.",
        "We have had no answer to our request. Please call us.",
    ),
    RequestState.NOT_PERMITTED: Sentences(
        "Not asked: no legal basis is in force. The findings say what is missing.",
        "We may not ask for your records yet. We need a valid release form from you.",
        "A signed release form is still awaited.",
    ),
    RequestState.WITHDRAWN: Sentences(
        "Withdrawn; nothing is awaited from there any more.",
        "We no longer ask this institution.",
        "Our request is withdrawn. Please send nothing more.",
    ),
    RequestState.IN_PROGRESS: Sentences(
        "The source is working on it.",
        THEIRS,
        "You are working on our request. Thank you.",
    ),
    RequestState.READY_ON: Sentences(
        "The source says when it is ready.",
        THEIRS,
        "You told us when the records are ready. Thank you.",
    ),
    RequestState.NOT_SIGNED: Sentences(
        "The report is written and not signed yet.",
        THEIRS,
        "We wait for the signed report.",
    ),
    RequestState.REST_FOLLOWS: Sentences(
        "A part came; the source sends the rest.",
        "Part of your records has come. The rest follows.",
        "We have part of the records, and wait for the rest.",
    ),
    RequestState.FORM_REQUIRED: Sentences(
        "The source wants its own form. Its time stands still.",
        "The institution wants a form of its own. We may need your signature.",
        "You want your own form. We are filling it in.",
    ),
    RequestState.AUTHORIZATION_NOT_ACCEPTED: Sentences(
        "The source does not accept the release form. Its time stands still.",
        "The institution needs another release form from you. We will call you.",
        "You did not accept the release form. We are getting another one.",
    ),
    RequestState.IDENTIFIER_REQUIRED: Sentences(
        "The source needs another number, name or date. Its time stands still.",
        "The institution needs another number of yours. We may call you.",
        "You need another identifier. We are finding it out.",
    ),
    RequestState.FEE_REQUIRED: Sentences(
        "The source wants a fee. Its time stands still.",
        WORKING,
        "You asked for a fee. We are deciding about it.",
    ),
    RequestState.ALREADY_SENT: Sentences(
        "The source says that it sent this already.",
        "The institution says that it sent your records. We are looking for them.",
        "You told us that you sent this already. We are looking for it.",
    ),
    RequestState.HELD_ELSEWHERE: Sentences(
        "The source says that somebody else holds this.",
        "Your records are held by another institution. We are asking there.",
        "You told us who holds the records. Thank you.",
    ),
    RequestState.ASKED_ELSEWHERE: Sentences(
        "Asked where the source said that it is.",
        "Your records are held by another institution. We are asking there.",
        "We are asking where you told us to.",
    ),
    RequestState.REFUSED: Sentences(
        "The source refuses to give it. That does not mean that there is none.",
        THEIRS,
        "You declined our request.",
    ),
    RequestState.ANSWER_UNCLEAR: Sentences(
        "The source answered what only a person can read.",
        THEIRS,
        "We are reading your answer, and may call you.",
    ),
}

WAITS: Mapping[str, Sentences] = {
    WaitCode.TO_ASK: Sentences("Waits for us: the system asks next, by itself.", THEIRS, "A request will reach you."),
    WaitCode.SOURCE_RETRY: Sentences(
        "Waits for the next try: the source could not be reached.",
        THEIRS,
        "Your system could not be reached. We try again by ourselves.",
    ),
    WaitCode.SOURCE_PUSH: Sentences(
        "Waits for the source, which sends by itself.",
        THEIRS,
        "We expect records from you.",
    ),
    WaitCode.SOURCE_REST: Sentences(
        "Waits for the rest: what came is not whole.",
        "Part of your records has come. We are asking for the rest.",
        "We await the rest of the records.",
    ),
    WaitCode.RELEASE_FORM: Sentences(
        "Waits for the release form.",
        "We need a signed release form from you before we may ask for your records.",
        "A signed release form is still awaited.",
    ),
    WaitCode.CONFIRM_ABSENT: Sentences(
        "Needs a decision: not found under these identifiers. Ask otherwise, or confirm that it does not exist.",
        "We are looking further for a part of your records.",
        "Nothing was found under the identifiers we gave. We will ask again with others.",
    ),
    WaitCode.SOURCE_FORBIDS: Sentences(
        "Needs a decision: the source refuses us access.",
        THEIRS,
        "Your system refused our request. Please tell us what is needed.",
    ),
    WaitCode.SOURCE_SILENT: Sentences(
        "Needs a decision: the source does not answer.",
        "The institution has not answered yet. We are calling them.",
        "We have had no answer to our request. Please call us.",
    ),
    WaitCode.SOURCE_WORKS: Sentences(
        "Waits for the source: it is working on it.",
        THEIRS,
        "You are working on our request. Thank you.",
    ),
    WaitCode.SOURCE_READY: Sentences(
        "Waits for the source: it says when it is ready.",
        THEIRS,
        "You told us when the records are ready. Thank you.",
    ),
    WaitCode.SOURCE_SIGNS: Sentences(
        "Waits for the source: the report is not signed yet.",
        THEIRS,
        "We wait for the signed report.",
    ),
    WaitCode.SOURCE_SENDS_REST: Sentences(
        "Waits for the source: it sends the rest.",
        "Part of your records has come. The rest follows.",
        "We have part of the records, and wait for the rest.",
    ),
    WaitCode.THEIR_FORM: Sentences(
        "Needs a decision: the source wants its own form, and its clock stands still. File the form there.",
        "The institution wants a form of its own. We may need your signature.",
        "You want your own form. We are filling it in.",
    ),
    WaitCode.BETTER_AUTHORIZATION: Sentences(
        "Waits for the patient: the source does not accept the release form, and its clock stands still.",
        "The institution needs another release form from you. We will call you.",
        "You did not accept the release form. We are getting another one.",
    ),
    WaitCode.OTHER_IDENTIFIER: Sentences(
        "Waits for the referring office: the source needs another identifier, and its clock stands still.",
        "The institution needs another number of yours. We may call you.",
        "You need another identifier. We are finding it out.",
    ),
    WaitCode.FEE: Sentences(
        "Needs a decision: the source wants a fee, and its clock stands still. Approve or dispute it.",
        WORKING,
        "You asked for a fee. We are deciding about it.",
    ),
    WaitCode.SENT_BEFORE: Sentences(
        "Needs a decision: the source says that it sent this already. Look for it, or ask again.",
        "The institution says that it sent your records. We are looking for them.",
        "You told us that you sent this already. We are looking for it.",
    ),
    WaitCode.ELSEWHERE: Sentences(
        "Needs a decision: the source says that somebody else holds this. Ask there.",
        "Your records are held by another institution. We are asking there.",
        "You told us who holds the records. Thank you.",
    ),
    WaitCode.NOBODY_HOLDS: Sentences(
        "Needs a decision: whom the source named does not hold it either.",
        "We are looking further for a part of your records.",
        "The institution that you named does not hold this. Please look again.",
    ),
    WaitCode.REFUSAL: Sentences(
        "Needs a decision: the source refuses to give it. Settle it with them, or ask elsewhere.",
        THEIRS,
        "You declined our request. We will call you.",
    ),
    WaitCode.UNCLEAR: Sentences(
        "Needs a decision: the source answered what only a person can read.",
        THEIRS,
        "We are reading your answer, and may call you.",
    ),
    WaitCode.NOT_IN_ANSWER: Sentences(
        "Needs a decision: the source answered, and this was not in it.",
        "We are looking further for a part of your records.",
        "Your answer did not contain everything we asked for. Please look again, or tell us that it does not exist.",
    ),
    WaitCode.UNDECIDED: Sentences(
        "Needs a decision: the source found somebody who may be the patient.",
        THEIRS,
        "We are making sure which patient your answer is about.",
    ),
    WaitCode.NOBODY_ASKED: Sentences(
        "Needs a decision: no known source holds this. Find out who does.",
        "We are finding out who holds a part of your records.",
        "We are finding out who holds some of the records.",
    ),
    WaitCode.UNVERIFIED: Sentences(
        "Needs a decision: a record came that may not answer the line (not final, undated, or of another kind).",
        WORKING,
        "A final version of what you sent is awaited.",
    ),
    WaitCode.NOT_OPENED: Sentences(
        "Waits for us: what came is opened by itself, before it counts.",
        WORKING,
        "What you sent is being opened.",
    ),
    WaitCode.NOT_READABLE: Sentences(
        "Needs a decision: what came cannot be read. Ask for it again, or settle the line.",
        THEIRS,
        "Something you sent cannot be opened. We will ask you for it again.",
    ),
    WaitCode.NEWER_NEEDED: Sentences(
        "Waits for a newer one: what came is too old.",
        "The center needs newer results than those we have.",
        "A more recent result is needed.",
    ),
    WaitCode.OTHER_DAY_NEEDED: Sentences(
        "Waits for one nearer in time to the record that it belongs to.",
        "The center needs results of another day than those we have.",
        "A result from about the same days as the report is needed.",
    ),
    WaitCode.MATERIAL: Sentences(
        "Waits for slides or blocks.",
        "We are waiting for the tissue samples from the laboratory. You need not do anything.",
        "Slides or blocks are still awaited.",
    ),
    WaitCode.MATERIAL_TO_ASK: Sentences(
        "Needs a call: slides or blocks are wanted besides, and nobody asked the laboratory yet.",
        "More tissue samples are needed from the laboratory. You need not do anything.",
        "More slides or blocks are needed. We will call you.",
    ),
    WaitCode.MATERIAL_REFUSED: Sentences(
        "Needs a decision: the laboratory does not release the material. Ask for recuts instead.",
        THEIRS,
        "The material is not released. Recuts are being asked for.",
    ),
    WaitCode.MATERIAL_UNANNOUNCED: Sentences(
        "Needs a number: pieces came, and nobody said how many were sent. Enter the count from the sender's list.",
        WORKING,
        "Please tell us how many slides or blocks you sent.",
    ),
    WaitCode.MATERIAL_DISCREPANCY: Sentences(
        "Needs a decision: the pieces that came are not those announced. Call the laboratory.",
        WORKING,
        "The slides or blocks that came are not those announced. Please call us.",
    ),
    WaitCode.MATERIAL_NOT_ENOUGH: Sentences(
        "Needs a decision: the center asks for other pieces, or more. Ask the laboratory, or settle the line.",
        WORKING,
        "The center asks for other pieces than those that came, or more. Please call us.",
    ),
}

NEEDS: Mapping[str, Sentences] = {
    NeedState.MISSING: Sentences("Still missing.", "Still missing.", "Still missing."),
    NeedState.REQUESTED: Sentences("Still missing; asked for.", "Asked for.", "Still missing; asked for."),
    NeedState.RECEIVED: Sentences("Just came in; not verified.", "Just came in.", "Just came in; not verified."),
    NeedState.SATISFIED: Sentences("Have it.", "We have it.", "Have it."),
    NeedState.SATISFIED_BY_OTHER: Sentences(
        "Have a substitute for it.",
        "We have something else that serves.",
        "A substitute is offered.",
    ),
    NeedState.EXPIRED: Sentences("Have it, but too old.", "A newer one is needed.", "Have it, but too old."),
    NeedState.ABSENT_WITH_REASON: Sentences(
        "Does not exist, with the reason.",
        "There is none.",
        "Does not exist, with the reason.",
    ),
    NeedState.NOT_APPLICABLE: Sentences("Not needed here.", "Not needed.", "Not needed here."),
    NeedState.WAIVED: Sentences("Not needed; somebody said so.", "Not needed.", "Not needed."),
    NeedState.AWAITED_MATERIAL: Sentences(
        "Slides or blocks awaited.",
        "The tissue samples are on their way or being asked for.",
        "Slides or blocks awaited.",
    ),
}

DISCREPANCIES: Mapping[str, Sentences] = {
    Discrepancy.TOO_FEW: Sentences(
        "Fewer pieces came than were announced. Call the laboratory.",
        WORKING,
        "Fewer slides or blocks came than you announced. Please call us.",
    ),
    Discrepancy.LABELS: Sentences(
        "The labels are not those of the papers that came with them. Call the laboratory.",
        WORKING,
        "The labels of what you sent are not those of its papers. Please call us.",
    ),
    Discrepancy.TOO_MANY: Sentences(
        "More pieces came than were announced. Call the laboratory.",
        WORKING,
        "More slides or blocks came than you announced. Please call us.",
    ),
}
