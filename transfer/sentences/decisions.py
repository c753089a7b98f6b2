"""What needs a decision, said to staff: nobody else is asked."""

from collections.abc import Mapping

from transfer.holds import HoldCode
from transfer.sentences.permission_decisions import ON_PERMISSIONS
from transfer.sentences.words import Sentences

HOLDS: Mapping[str, Sentences] = {
    **ON_PERMISSIONS,
    HoldCode.WHOSE_REFERRAL: Sentences(
        "Is this referral about a patient we know? Compare both side by side before a case is opened."
    ),
    HoldCode.WHOSE_RECORD: Sentences(
        "Whose record is this? Compare; two people decide where only name and birth date agree."
    ),
    HoldCode.WHOSE_ANSWER: Sentences(
        "A source found somebody under a number we do not know, or who differs; or its document names somebody else. "
        "Compare both."
    ),
    HoldCode.SAME_PATIENT: Sentences(
        "Are the patients of these two cases one person? Compare both; two people decide."
    ),
    HoldCode.IDENTITY_CHANGED: Sentences(
        "An institution changed or merged the identity of a patient we know. Check that the case still fits."
    ),
    HoldCode.WHOSE_CASE: Sentences(
        "This case was opened while two patients were taken for one. Make sure whose it is, or end it and refer anew."
    ),
    HoldCode.PATIENT_DIED: Sentences(
        "A source says that the patient has died. Make sure, and end the case. Nothing goes to the home until then."
    ),
    HoldCode.REFERRAL_UNREADABLE: Sentences(
        "The referral cannot be read, or names a disease or an institution we do not know. Look at it."
    ),
    HoldCode.REFERRAL_NOT_ACTIVE: Sentences(
        "A message about a referral opens no case: it is planned, on hold, withdrawn, or of one we do not know."
    ),
    HoldCode.REFERRAL_OF_CLOSED: Sentences(
        "A referral came again whose case has ended. Open a new case, or set it aside."
    ),
    HoldCode.REFERRAL_WITHDRAWN: Sentences(
        "The referral was withdrawn after a packet may have left. Nothing more goes. End the case, or keep it."
    ),
    HoldCode.REFERRAL_ON_HOLD: Sentences(
        "The referral is on hold at its sender. Nobody is asked and nothing goes. Wait, end the case, or go on."
    ),
    HoldCode.REFERRAL_COMPLETED: Sentences(
        "The referral is said to be completed, expired or rejected at its sender. Call them; end the case, or keep it."
    ),
    HoldCode.REFERRAL_CHANGED: Sentences(
        "The referral's question or diagnosis changed after a packet may have left. Tell the receiver."
    ),
    HoldCode.REFERRAL_ASKED_ABOUT: Sentences("Whoever referred the patient asks how the referral stands. Tell them."),
    HoldCode.RECEIVER_CHANGED: Sentences(
        "The referral names another center than before. Call whoever referred: does the patient go there?"
    ),
    HoldCode.DIAGNOSIS_UNKNOWN: Sentences(
        "The referral names no diagnosis, or one that no checklist covers. Pick the checklist once it is known."
    ),
    HoldCode.PROCEDURE_UNCLEAR: Sentences(
        "The referral lists what was done to the patient, and not what, when or where. Read it; list what to ask for."
    ),
    HoldCode.APPOINTMENT_CANCELLED: Sentences(
        "The appointment at the receiver was cancelled, or the patient did not come. Ask whether there is another."
    ),
    HoldCode.APPOINTMENT_ELSEWHERE: Sentences(
        "An appointment of the patient was announced, and not surely at the receiver. Where it is, enter it."
    ),
    HoldCode.ARRIVAL_UNREADABLE: Sentences(
        "A message cannot be read. Correct the institution's file and read it again, or ask for the message again."
    ),
    HoldCode.ARRIVAL_POISONOUS: Sentences(
        "Reading this message broke the machinery several times. It was set aside; look at it."
    ),
    HoldCode.BATCH_MISCOUNTED: Sentences(
        "A batch says another number of messages than came. Ask its sender; take what came, or set it aside."
    ),
    HoldCode.CORRECTION_IN_PART: Sentences(
        "A corrected report has fewer results than the one it corrects. Ask its sender: is it all, or what changed?"
    ),
    HoldCode.MESSAGE_NOT_TAKEN: Sentences(
        "A message about a patient with an open case is of a kind that nothing here takes. "
        "Ask its sender what it means."
    ),
    HoldCode.ENTRIES_UNUSABLE: Sentences(
        "Some of what the source gave cannot be used. The rest was collected; ask the source about it."
    ),
    HoldCode.ARRIVAL_LABEL_UNREAD: Sentences(
        "A message has a security label that we do not know, or one in words alone. Ask its sender what that means."
    ),
    HoldCode.SOURCE_LABEL_UNREAD: Sentences(
        "Documents of the source have a label that we do not know, or one in words alone. They were not taken. "
        "Ask what it means."
    ),
    HoldCode.DOCUMENTS_NOT_GIVEN: Sentences(
        "Some documents that the source lists could not be had. The rest was collected; ask the source for them."
    ),
    HoldCode.UPLOADED: Sentences(
        "Somebody outside sent a file by our pages. Look at it: enter a release form, index letters and records."
    ),
    HoldCode.FAX_REPORT_UNREAD: Sentences(
        "The fax service says something of a letter that no rule has. Read its mail in Done; add a rule."
    ),
    HoldCode.LETTER_CODE_TRIED: Sentences(
        "Somebody tried the code of a letter ten times in an hour with a wrong birth date. Ask whom it went to."
    ),
    HoldCode.RECORDS_NOT_COVERED: Sentences(
        "Records came that no release form of the patient covers. They wait sealed; ask for a form that covers them."
    ),
    HoldCode.IMAGES_MISPLACED: Sentences(
        "Images of the patient name another study or series than the archive lists them under. "
        "Ask the film room whether they belong there."
    ),
    HoldCode.IMAGES_REJECTED: Sentences(
        "The archive rejected images of the patient by a note. They go nowhere; ask the film room what replaces them."
    ),
    HoldCode.IMAGES_GONE: Sentences(
        "The archive no longer lists images that came. Ask the film room whether they were another patient's."
    ),
    HoldCode.IMAGES_CONFLICT: Sentences(
        "Images with different content came under one number. The first of each goes; ask the film room which counts."
    ),
    HoldCode.DOCUMENT_UNREADABLE: Sentences(
        "A record came that nobody can read as it is. Look at it: take it all the same, leave it out, or ask again."
    ),
    HoldCode.IMAGES_LACKING: Sentences(
        "Some images of a study do not come, or are no images. Take what came, ask again, or leave the study out."
    ),
    HoldCode.LABELS_DIFFER: Sentences(
        "Slides or blocks bear another accession number than the laboratory's reports. Ask which they belong to."
    ),
    HoldCode.PART_LACKING: Sentences(
        "The report calls a part malignant of which no slide or block came. Ask the laboratory for one."
    ),
    HoldCode.IMAGES_UNLIKE_REPORT: Sentences(
        "Images and their report bear different accession numbers. Ask the film room whether they belong together."
    ),
    HoldCode.CONTROL_ID_CONFLICT: Sentences(
        "Two messages with different content came under one number. Both are kept; ask which one counts."
    ),
    HoldCode.SOURCE_REFUSES: Sentences("The source refuses us access. Settle it with them, or ask elsewhere."),
    HoldCode.SOURCE_DOES_NOT_ANSWER: Sentences("The source does not answer. Call them, or ask elsewhere."),
    HoldCode.SOURCE_UNCLEAR: Sentences(
        "The source's answer breaks the rules of its interface, or names somebody else. Look at it."
    ),
    HoldCode.SOURCE_FOUND_NOTHING: Sentences(
        "A source finds nothing under these names. Call it, ask otherwise, or have it say that it holds none."
    ),
    HoldCode.SOURCE_WANTS_FORM: Sentences("A source wants its own form. File it there; then it is asked again."),
    HoldCode.SOURCE_WANTS_AUTHORIZATION: Sentences(
        "A source does not accept the release form; its reason stands in the case. Get a better one signed."
    ),
    HoldCode.SOURCE_WANTS_IDENTIFIER: Sentences(
        "A source needs another number, name or date. Ask the referring office or the patient; then ask again."
    ),
    HoldCode.SOURCE_WANTS_FEE: Sentences(
        "A source wants a fee; the amount stands in the case. Approve it, or dispute it."
    ),
    HoldCode.SOURCE_SENT_BEFORE: Sentences(
        "A source says that it sent this already. Look for it here; if it is not found, ask again."
    ),
    HoldCode.SOURCE_NAMES_ANOTHER: Sentences("A source says that somebody else holds this. Ask there."),
    HoldCode.NOBODY_HOLDS_IT: Sentences(
        "A source named another, and nobody who is asked holds it. Call both, or say that it does not exist."
    ),
    HoldCode.SOURCE_WILL_NOT_RELEASE: Sentences(
        "A source refuses to give this; its reason stands in the case. That does not mean that there is none."
    ),
    HoldCode.SOURCE_ANSWER_UNREAD: Sentences(
        "A source answered in words or codes that no rule reads. Read them in the case, and write down what they mean."
    ),
    HoldCode.ANSWERED_AFTER_RECORDS: Sentences(
        "A source's records are here, and it said something else afterwards. Read it in the case, and call them."
    ),
    HoldCode.APPROVE_RELEASE: Sentences("The packet is complete. Somebody must approve before it goes."),
    HoldCode.APPROVE_PARTIAL: Sentences(
        "All but slides or blocks is here, and the center waits for those. Approve a partial packet, or wait."
    ),
    HoldCode.APPROVE_DELTA: Sentences(
        "A record came after the packet was accepted. Approve a further packet with it, or wait."
    ),
    HoldCode.RELEASE_NOT_PERMITTED: Sentences(
        "The packet may not leave: no permission is in force for some of it. The case shows what is missing."
    ),
    HoldCode.RECEIVER_HAS_NO_DOOR: Sentences(
        "No way to the receiver is known, and nobody of it signs in here. Invite somebody, then try again."
    ),
    HoldCode.RECEIVER_REFUSED: Sentences(
        "The receiver's system refused the packet itself. Settle it with them, then try again."
    ),
    HoldCode.PACKET_DECLINED: Sentences("The receiver declined the packet. Its reasons reopen the lines they name."),
    HoldCode.CENTER_NOT_TOLD: Sentences("The center refuses a Task. Tell it how far the case is."),
    HoldCode.CENTER_ASKS: Sentences("The center asks something. Read it, and reply: your note is shown at its pages."),
    HoldCode.CASE_DECLINED: Sentences(
        "The center gives no second opinion in this case, which has ended. Tell whoever referred the patient."
    ),
    HoldCode.NOTHING_TO_SEND: Sentences(
        "Nothing is missing any more, and no record came. Ask another source, or end the case."
    ),
    HoldCode.NEEDS_UNANSWERED: Sentences(
        "What is missing comes from nobody by itself. Ask a source again or another one, do without, or end the case."
    ),
    HoldCode.RECEIPTS_DISAGREE: Sentences(
        "The receiver sent two receipts of the packet that disagree. Call them; the first one stands."
    ),
    HoldCode.DELIVERED_VOID: Sentences(
        "A document that was handed over has been corrected or withdrawn since. Its links work no more; decide."
    ),
    HoldCode.CONFIRM_PURGE: Sentences(
        "The form was revoked or entered in error. Decide whether what no other form covers is destroyed."
    ),
    HoldCode.REVIEW_EMERGENCY: Sentences(
        "A clinician declared an emergency. Review it by the end of the next day, when it lapses."
    ),
    HoldCode.LEDGER_ALTERED: Sentences(
        "A table was changed beside the trail. Nothing is released: walk the trail, then try again or restore."
    ),
    HoldCode.MACHINERY_BROKEN: Sentences(
        "Our own machinery failed several times here. Look at the runs of the case, then let it try again."
    ),
}
