"""What needs a decision, said three ways."""

from collections.abc import Mapping

from transfer.holds import HoldCode
from transfer.sentences.words import OURS, STOPPED, STOPPED_INSTITUTION, THEIRS, WORKING, Sentences

HOLDS: Mapping[str, Sentences] = {
    HoldCode.DOUBTFUL_PATIENT: Sentences(
        "Is this our patient? Compare both side by side; two people decide where only name and birth date agree.",
        WORKING,
        "We are making sure which patient a message is about.",
    ),
    HoldCode.SEVERAL_PATIENTS: Sentences(
        "This could belong to more than one patient. Compare them; two people decide.",
        WORKING,
        "We are making sure which patient a message is about.",
    ),
    HoldCode.CONFLICTING_IDENTITY: Sentences(
        "The number is our patient's; the name, birth date or another number is not. Ask the sender.",
        WORKING,
        "The identity in a message you sent is contradictory. Please check it.",
    ),
    HoldCode.UNREADABLE: Sentences(
        "What came cannot be read. Look at it, or ask for it again.",
        WORKING,
        "Something you sent cannot be read. Please send it again.",
    ),
    HoldCode.UNEXPECTED: Sentences(
        "The source answered something its interface does not promise. Look at it.",
        WORKING,
        "Your system's answer was not understood. Please call us.",
    ),
    HoldCode.TOO_LARGE: Sentences(
        "What came is beyond the bound set for this source. Raise the bound, or ask for less.",
        WORKING,
        "What you sent is too large for this way. Please call us.",
    ),
    HoldCode.SAME_NUMBER_OTHER_BYTES: Sentences(
        "A message came again under the same number with other content. Decide which one counts.",
        WORKING,
        "Two different messages came under one number. Please tell us which counts.",
    ),
    HoldCode.SAME_IMAGE_OTHER_PIXELS: Sentences(
        "An image came again under the same UID with other pixels. Ask the archive which one counts.",
        WORKING,
        "Two different images came under one UID. Please tell us which counts.",
    ),
    HoldCode.UNKNOWN_DISEASE: Sentences(
        "No checklist covers the disease on the referral. Pick one, or send the referral back.",
        WORKING,
        "We could not tell from the referral which checklist applies. Please call us.",
    ),
    HoldCode.UNKNOWN_INSTITUTION: Sentences(
        "The referral names an institution we do not know. Add it, or ask who is meant.",
        WORKING,
        "The referral names an institution we do not know. Please tell us how to reach it.",
    ),
    HoldCode.FORM_NEEDS_REVIEW: Sentences(
        "The release form cannot be judged by rule. Look at the signed page.",
        WORKING,
        "The release form is being looked at.",
    ),
    HoldCode.NOT_FOUND: Sentences(
        "Not found under these identifiers. Ask otherwise, or confirm that it does not exist.",
        "We are looking further for a part of your records.",
        "Nothing was found under the identifiers we gave. We will ask again with others.",
    ),
    HoldCode.FORBIDDEN: Sentences(
        "The source refuses us access. Settle it with them, or ask elsewhere.",
        THEIRS,
        "Your system refused our request. Please tell us what is needed.",
    ),
    HoldCode.SILENT: Sentences(
        "The source does not answer. Call them, or ask elsewhere.",
        "The institution has not answered yet. We are calling them.",
        "We have had no answer to our request. Please call us.",
    ),
    HoldCode.TURNED_AWAY: Sentences(
        "The far side does not accept our credential. Correct it in the institution's file, or have it accepted.",
        WORKING,
        "Your system does not accept our credential. Please call us.",
    ),
    HoldCode.APPROVAL: Sentences(
        "The packet is complete. Somebody must approve before it goes.",
        "Your records are ready and being checked a last time.",
        "The packet is being checked a last time before it goes.",
    ),
    HoldCode.PARTIAL_PACKET: Sentences(
        "Everything is here but the slides or blocks. Approve a partial packet, or wait.",
        "Your records are ready but for the tissue samples.",
        "Everything is here but slides or blocks.",
    ),
    HoldCode.DELIVERY_UNKNOWN: Sentences(
        "We do not know whether the packet arrived. Ask the receiver before anything is sent again.",
        WORKING,
        "We do not know whether our packet reached you. Please tell us.",
    ),
    HoldCode.PACKET_DECLINED: Sentences(
        "The receiver declined the packet. Its reasons reopen what they name.",
        "The center asked for more. We are getting it.",
        "You declined the packet. We are settling what you named.",
    ),
    HoldCode.CONFIRM_PURGE: Sentences(
        "The form was revoked. Confirm that what no other form covers is destroyed.",
        "The release of your records has been stopped. What we hold is being destroyed.",
        STOPPED_INSTITUTION,
    ),
    HoldCode.PERMISSION_PAUSED: Sentences(
        "The patient asked by telephone to stop. Resume, or wait for the revocation in writing.",
        STOPPED,
        STOPPED_INSTITUTION,
    ),
    HoldCode.FORM_IN_ERROR: Sentences(
        "The form was entered in error. Decide what becomes of what was collected under it.",
        STOPPED,
        STOPPED_INSTITUTION,
    ),
    HoldCode.EMERGENCY_REVIEW: Sentences(
        "A release was made in an emergency. Review it by the end of the next day.",
        WORKING,
        OURS,
    ),
    HoldCode.KEEPS_FAILING: Sentences(
        "This failed several times. Look at the runs of the case.",
        WORKING,
        OURS,
    ),
}
