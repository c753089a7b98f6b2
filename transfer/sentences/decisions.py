"""What needs a decision, said three ways."""

from collections.abc import Mapping

from transfer.holds import HoldCode
from transfer.sentences.permission_decisions import ON_PERMISSIONS
from transfer.sentences.words import (
    OURS,
    STOPPED_INSTITUTION,
    THEIRS,
    WHICH_PATIENT,
    WORKING,
    Sentences,
)

_TO_BE_SETTLED = "We have a question about our request. We will call you."
_UNREADABLE = "Something you sent cannot be read. Please send it again."

HOLDS: Mapping[str, Sentences] = {
    **ON_PERMISSIONS,
    HoldCode.WHOSE_REFERRAL: Sentences(
        "Is this referral about a patient we know? Compare both side by side before a case is opened.",
        WORKING,
        WHICH_PATIENT,
    ),
    HoldCode.WHOSE_RECORD: Sentences(
        "Whose record is this? Compare; two people decide where only name and birth date agree.",
        WORKING,
        WHICH_PATIENT,
    ),
    HoldCode.WHOSE_ANSWER: Sentences(
        "A source found somebody under a number we do not know, or who differs; or its document names somebody else. "
        "Compare both.",
        THEIRS,
        WHICH_PATIENT,
    ),
    HoldCode.SAME_PATIENT: Sentences(
        "Are the patients of these two cases one person? Compare both; two people decide.",
        WORKING,
        WHICH_PATIENT,
    ),
    HoldCode.IDENTITY_CHANGED: Sentences(
        "An institution changed or merged the identity of a patient we know. Check that the case still fits.",
        WORKING,
        "We received your change of a patient's identity.",
    ),
    HoldCode.WHOSE_CASE: Sentences(
        "This case was opened while two patients were taken for one. Make sure whose it is, or end it and refer anew.",
        WORKING,
        "We are making sure whom your referral is about. We may call you.",
    ),
    HoldCode.PATIENT_DIED: Sentences(
        "A source says that the patient has died. Make sure, and end the case. Nothing goes to the home until then.",
        WORKING,
        "We received your notice about a patient and are settling what follows from it.",
    ),
    HoldCode.REFERRAL_UNREADABLE: Sentences(
        "The referral cannot be read, or names a disease or an institution we do not know. Look at it.",
        WORKING,
        "We could not make out your referral. Please call us.",
    ),
    HoldCode.REFERRAL_NOT_ACTIVE: Sentences(
        "A message about a referral opens no case: it is planned, on hold, withdrawn, or of one we do not know.",
        WORKING,
        "Your message asks for no second opinion now, or names a referral that we do not know. No case is opened.",
    ),
    HoldCode.REFERRAL_OF_CLOSED: Sentences(
        "A referral came again whose case has ended. Open a new case, or set it aside.",
        WORKING,
        "Your referral came again after its case had ended. We will call you.",
    ),
    HoldCode.REFERRAL_WITHDRAWN: Sentences(
        "The referral was withdrawn after a packet may have left. Nothing more goes. End the case, or keep it.",
        "Your doctor's office withdrew the request. We are settling what follows from it.",
        "The referral was withdrawn. Nothing more is sent.",
    ),
    HoldCode.REFERRAL_ON_HOLD: Sentences(
        "The referral is on hold at its sender. Nobody is asked and nothing goes. Wait, end the case, or go on.",
        "Your doctor's office has put the request on hold.",
        "The referral is on hold. Nothing is sent meanwhile.",
    ),
    HoldCode.REFERRAL_COMPLETED: Sentences(
        "The referral is said to be completed, expired or rejected at its sender. Call them; end the case, or keep it.",
        WORKING,
        "The referral is said to be over. Nothing is sent meanwhile.",
    ),
    HoldCode.REFERRAL_CHANGED: Sentences(
        "The referral's question or diagnosis changed after a packet may have left. Tell the receiver.",
        WORKING,
        "The referral changed since the packet you have. We will call you.",
    ),
    HoldCode.REFERRAL_ASKED_ABOUT: Sentences(
        "Whoever referred the patient asks how the referral stands. Tell them.",
        WORKING,
        "We received your question about a referral and will call you.",
    ),
    HoldCode.RECEIVER_CHANGED: Sentences(
        "The referral names another center than before. Call whoever referred: does the patient go there?",
        WORKING,
        "Your referral names another center than before. Nothing changes until we have called you.",
    ),
    HoldCode.DIAGNOSIS_UNKNOWN: Sentences(
        "The referral names no diagnosis, or one that no checklist covers. Pick the checklist once it is known.",
        WORKING,
        "Your referral names no diagnosis that we know. Please tell us.",
    ),
    HoldCode.PROCEDURE_UNCLEAR: Sentences(
        "The referral lists what was done to the patient, and not what, when or where. Read it; list what to ask for.",
        WORKING,
        "Your referral lists what was done to the patient, and we cannot tell where. We may call you.",
    ),
    HoldCode.APPOINTMENT_CANCELLED: Sentences(
        "The appointment at the receiver was cancelled, or the patient did not come. Ask whether there is another.",
        "Your appointment was cancelled. We are asking for another.",
        "The appointment was cancelled. We go on collecting.",
    ),
    HoldCode.APPOINTMENT_ELSEWHERE: Sentences(
        "An appointment of the patient was announced, and not surely at the receiver. Where it is, enter it.",
        WORKING,
        "We received your notice of an appointment.",
    ),
    HoldCode.ARRIVAL_UNREADABLE: Sentences(
        "A message cannot be read. Correct the institution's file and read it again, or ask for the message again.",
        WORKING,
        _UNREADABLE,
    ),
    HoldCode.ARRIVAL_POISONOUS: Sentences(
        "Reading this message broke the machinery several times. It was set aside; look at it.",
        WORKING,
        _UNREADABLE,
    ),
    HoldCode.BATCH_MISCOUNTED: Sentences(
        "A batch says another number of messages than came. Ask its sender; take what came, or set it aside.",
        WORKING,
        "A batch you sent says another number of messages than came. Please tell us which is right.",
    ),
    HoldCode.CORRECTION_IN_PART: Sentences(
        "A corrected report has fewer results than the one it corrects. Ask its sender: is it all, or what changed?",
        WORKING,
        "A corrected report of yours has fewer results than the one before. Please tell us whether that is all.",
    ),
    HoldCode.MESSAGE_NOT_TAKEN: Sentences(
        "A message about a patient with an open case is of a kind that nothing here takes. "
        "Ask its sender what it means.",
        WORKING,
        "You sent a message of a kind that we do not take. We may call you about it.",
    ),
    HoldCode.ENTRIES_UNUSABLE: Sentences(
        "Some of what the source gave cannot be used. The rest was collected; ask the source about it.",
        WORKING,
        "Some of what you sent could not be used. Please call us.",
    ),
    HoldCode.ARRIVAL_LABEL_UNREAD: Sentences(
        "A message has a security label that we do not know, or one in words alone. Ask its sender what that means.",
        WORKING,
        _TO_BE_SETTLED,
    ),
    HoldCode.SOURCE_LABEL_UNREAD: Sentences(
        "Documents of the source have a label that we do not know, or one in words alone. They were not taken. "
        "Ask what it means.",
        WORKING,
        _TO_BE_SETTLED,
    ),
    HoldCode.DOCUMENTS_NOT_GIVEN: Sentences(
        "Some documents that the source lists could not be had. The rest was collected; ask the source for them.",
        THEIRS,
        "We could not get some of the documents that you list. Please send them to us.",
    ),
    HoldCode.UPLOADED: Sentences(
        "Somebody outside sent a file by our pages. Look at it: enter a release form, index letters and records.",
        "We have what you sent. Somebody is looking at it.",
        "We have what you sent. Somebody is looking at it.",
    ),
    HoldCode.FAX_REPORT_UNREAD: Sentences(
        "The fax service says something of a letter that no rule has. Read its mail in Done; add a rule.",
        WORKING,
        "A fax to you may not have gone through. We may call you.",
    ),
    HoldCode.LETTER_CODE_TRIED: Sentences(
        "Somebody tried the code of a letter ten times in an hour with a wrong birth date. Ask whom it went to.",
        WORKING,
        "A code of ours was tried too often. Please call us.",
    ),
    HoldCode.RECORDS_NOT_COVERED: Sentences(
        "Records came that no release form of the patient covers. They wait sealed; ask for a form that covers them.",
        "Records of yours came that your release form does not cover. We may ask you for another one.",
        _TO_BE_SETTLED,
    ),
    HoldCode.IMAGES_MISPLACED: Sentences(
        "Images of the patient name another study or series than the archive lists them under. "
        "Ask the film room whether they belong there.",
        WORKING,
        "Images you sent name another study or series than you list them under. Please tell us whether they belong.",
    ),
    HoldCode.IMAGES_REJECTED: Sentences(
        "The archive rejected images of the patient by a note. They go nowhere; ask the film room what replaces them.",
        WORKING,
        "You rejected images by a note. Please send what replaces them.",
    ),
    HoldCode.IMAGES_GONE: Sentences(
        "The archive no longer lists images that came. Ask the film room whether they were another patient's.",
        WORKING,
        "You no longer list images that you gave us. Please tell us whether they still hold.",
    ),
    HoldCode.IMAGES_CONFLICT: Sentences(
        "Images with different content came under one number. The first of each goes; ask the film room which counts.",
        WORKING,
        "Different images came under one number (SOP Instance UID). Please tell us which count.",
    ),
    HoldCode.DOCUMENT_UNREADABLE: Sentences(
        "A record came that nobody can read as it is. Look at it: take it all the same, leave it out, or ask again.",
        THEIRS,
        "Something you sent cannot be opened. Please send it again.",
    ),
    HoldCode.IMAGES_LACKING: Sentences(
        "Some images of a study do not come, or are no images. Take what came, ask again, or leave the study out.",
        THEIRS,
        "Some images that you list do not come, or cannot be read. Please send them again.",
    ),
    HoldCode.LABELS_DIFFER: Sentences(
        "Slides or blocks bear another accession number than the laboratory's reports. Ask which they belong to.",
        WORKING,
        "The slides or blocks you sent bear another accession number than your report. Please tell us which counts.",
    ),
    HoldCode.PART_LACKING: Sentences(
        "The report calls a part malignant of which no slide or block came. Ask the laboratory for one.",
        WORKING,
        "No slide or block came of a part that your report calls malignant. Please send one.",
    ),
    HoldCode.IMAGES_UNLIKE_REPORT: Sentences(
        "Images and their report bear different accession numbers. Ask the film room whether they belong together.",
        WORKING,
        "Your images and their report bear different accession numbers. Please tell us which belong together.",
    ),
    HoldCode.CONTROL_ID_CONFLICT: Sentences(
        "Two messages with different content came under one number. Both are kept; ask which one counts.",
        WORKING,
        "Two different messages came under one number. Please tell us which counts.",
    ),
    HoldCode.SOURCE_REFUSES: Sentences(
        "The source refuses us access. Settle it with them, or ask elsewhere.",
        THEIRS,
        "Your system refused our request. Please tell us what is needed.",
    ),
    HoldCode.SOURCE_DOES_NOT_ANSWER: Sentences(
        "The source does not answer. Call them, or ask elsewhere.",
        "The institution has not answered yet. We are calling them.",
        "We have had no answer to our request. Please call us.",
    ),
    HoldCode.SOURCE_UNCLEAR: Sentences(
        "The source's answer breaks the rules of its interface, or names somebody else. Look at it.",
        WORKING,
        "Your system's answer was not understood. Please call us.",
    ),
    HoldCode.SOURCE_FOUND_NOTHING: Sentences(
        "A source finds nothing under these names. Call it, ask otherwise, or have it say that it holds none.",
        "The institution did not find your records at once. We are looking further.",
        "Nothing was found under the identifiers we gave. We will ask again with others.",
    ),
    HoldCode.SOURCE_WANTS_FORM: Sentences(
        "A source wants its own form. File it there; then it is asked again.",
        "The institution wants a form of its own. We may need your signature.",
        "You want your own form. We are filling it in.",
    ),
    HoldCode.SOURCE_WANTS_AUTHORIZATION: Sentences(
        "A source does not accept the release form; its reason stands in the case. Get a better one signed.",
        "The institution needs another release form from you. We will call you.",
        "You did not accept the release form. We are getting another one.",
    ),
    HoldCode.SOURCE_WANTS_IDENTIFIER: Sentences(
        "A source needs another number, name or date. Ask the referring office or the patient; then ask again.",
        "The institution needs another number of yours. We may call you.",
        "You need another identifier. We are finding it out.",
    ),
    HoldCode.SOURCE_WANTS_FEE: Sentences(
        "A source wants a fee; the amount stands in the case. Approve it, or dispute it.",
        WORKING,
        "You asked for a fee. We are deciding about it.",
    ),
    HoldCode.SOURCE_SENT_BEFORE: Sentences(
        "A source says that it sent this already. Look for it here; if it is not found, ask again.",
        "The institution says that it sent your records. We are looking for them.",
        "You told us that you sent this already. We are looking for it.",
    ),
    HoldCode.SOURCE_NAMES_ANOTHER: Sentences(
        "A source says that somebody else holds this. Ask there.",
        "Your records are held by another institution. We are asking there.",
        "You told us who holds the records. Thank you; we are asking there.",
    ),
    HoldCode.NOBODY_HOLDS_IT: Sentences(
        "A source named another, and nobody who is asked holds it. Call both, or say that it does not exist.",
        "We are looking further for a part of your records.",
        "The institution that you named does not hold this. Please look again.",
    ),
    HoldCode.SOURCE_WILL_NOT_RELEASE: Sentences(
        "A source refuses to give this; its reason stands in the case. That does not mean that there is none.",
        THEIRS,
        "You declined our request. We will call you.",
    ),
    HoldCode.SOURCE_ANSWER_UNREAD: Sentences(
        "A source answered in words or codes that no rule reads. Read them in the case, and write down what they mean.",
        THEIRS,
        "Your answer did not follow what was agreed. We will call you.",
    ),
    HoldCode.ANSWERED_AFTER_RECORDS: Sentences(
        "A source's records are here, and it said something else afterwards. Read it in the case, and call them.",
        WORKING,
        "What you said does not go with what you sent. We will call you.",
    ),
    HoldCode.APPROVE_RELEASE: Sentences(
        "The packet is complete. Somebody must approve before it goes.",
        "Your records are ready and being checked a last time.",
        "The packet is being checked a last time before it goes.",
    ),
    HoldCode.APPROVE_PARTIAL: Sentences(
        "All but slides or blocks is here, and the center waits for those. Approve a partial packet, or wait.",
        "Your records are ready but for the tissue samples.",
        "Everything is here but slides or blocks.",
    ),
    HoldCode.APPROVE_DELTA: Sentences(
        "A record came after the packet was accepted. Approve a further packet with it, or wait.",
        "More of your records have come and are being checked.",
        "More has come since the packet you accepted. It is being checked.",
    ),
    HoldCode.RELEASE_NOT_PERMITTED: Sentences(
        "The packet may not leave: no permission is in force for some of it. The case shows what is missing.",
        "We may not send your records yet. We need a valid release form from you.",
        "A signed release form is still awaited.",
    ),
    HoldCode.RECEIVER_HAS_NO_DOOR: Sentences(
        "No way to the receiver is known, and nobody of it signs in here. Invite somebody, then try again.",
        WORKING,
        "We have no address to which your packets can be handed.",
    ),
    HoldCode.RECEIVER_REFUSED: Sentences(
        "The receiver's system refused the packet itself. Settle it with them, then try again.",
        WORKING,
        "Your system refused our packet. Please call us.",
    ),
    HoldCode.PACKET_DECLINED: Sentences(
        "The receiver declined the packet. Its reasons reopen the lines they name.",
        "The center asked for more. We are getting it.",
        "You declined the packet. We are settling what you named.",
    ),
    HoldCode.CENTER_NOT_TOLD: Sentences(
        "The center refuses a Task. Tell it how far the case is.", "Your center is called.", "Please call the center."
    ),
    HoldCode.CENTER_ASKS: Sentences(
        "The center asks something. Read it, and reply: your note is shown at its pages.",
        WORKING,
        "Your question is with the records desk.",
    ),
    HoldCode.CASE_DECLINED: Sentences(
        "The center gives no second opinion in this case, which has ended. Tell whoever referred the patient.",
        "The center cannot give the second opinion. Your doctor's office will call you.",
        "The center declined the case.",
    ),
    HoldCode.NOTHING_TO_SEND: Sentences(
        "Nothing is missing any more, and no record came. Ask another source, or end the case.",
        "No records were found. We are looking for another way.",
        "No records were found.",
    ),
    HoldCode.NEEDS_UNANSWERED: Sentences(
        "What is missing comes from nobody by itself. Ask a source again or another one, do without, or end the case.",
        WORKING,
        "Some of what was asked for is still missing.",
    ),
    HoldCode.RECEIPTS_DISAGREE: Sentences(
        "The receiver sent two receipts of the packet that disagree. Call them; the first one stands.",
        WORKING,
        "We have two different receipts of one packet from you. Please call us.",
    ),
    HoldCode.DELIVERED_VOID: Sentences(
        "A document that was handed over has been corrected or withdrawn since. Its links work no more; decide.",
        "Something in your records was corrected. We are telling the center.",
        "A document of a packet you were handed was corrected or withdrawn. Please do not use it; we will call you.",
    ),
    HoldCode.CONFIRM_PURGE: Sentences(
        "The form was revoked or entered in error. Decide whether what no other form covers is destroyed.",
        "The release of your records has been stopped. What we hold is being destroyed.",
        STOPPED_INSTITUTION,
    ),
    HoldCode.REVIEW_EMERGENCY: Sentences(
        "A clinician declared an emergency. Review it by the end of the next day, when it lapses.",
        "Your records were released because a doctor said that it could not wait.",
        "The release rests on a clinician's declaration of an emergency. We are reviewing it.",
    ),
    HoldCode.LEDGER_ALTERED: Sentences(
        "A table was changed beside the trail. Nothing is released: walk the trail, then try again or restore.",
        WORKING,
        OURS,
    ),
    HoldCode.MACHINERY_BROKEN: Sentences(
        "Our own machinery failed several times here. Look at the runs of the case, then let it try again.",
        WORKING,
        OURS,
    ),
}
