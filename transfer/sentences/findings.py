"""What is wrong with a release, said three ways."""

from collections.abc import Mapping

from transfer.permissions import Finding
from transfer.sentences.words import (
    NEW_FORM,
    NEW_FORM_INSTITUTION,
    OURS,
    STOPPED,
    STOPPED_INSTITUTION,
    WORKING,
    Sentences,
)

FINDINGS: Mapping[str, Sentences] = {
    Finding.NO_FORM: Sentences(
        "No release form is on file. Ask the patient or the referring office for one.",
        "We need a signed release form from you before we may ask for your records.",
        "A signed release form is still awaited.",
    ),
    Finding.INCOMPLETE_DESCRIPTION: Sentences(
        "The form does not describe what is to be released (164.508(c)(1)(i)). A new form is needed.",
        NEW_FORM,
        "The release form does not say which records may be released.",
    ),
    Finding.INCOMPLETE_DISCLOSER: Sentences(
        "The form does not name who may release (164.508(c)(1)(ii)). A new form is needed.",
        NEW_FORM,
        "The release form does not name the institution that may release.",
    ),
    Finding.INCOMPLETE_RECIPIENT: Sentences(
        "The form does not name who may receive (164.508(c)(1)(iii)). A new form is needed.",
        NEW_FORM,
        "The release form does not name the institution that may receive.",
    ),
    Finding.INCOMPLETE_PURPOSE: Sentences(
        "The form names no purpose (164.508(c)(1)(iv)). A new form is needed.",
        NEW_FORM,
        "The release form names no purpose.",
    ),
    Finding.INCOMPLETE_EXPIRATION: Sentences(
        "The form names neither a date nor an event at which it expires (164.508(c)(1)(v)). A new form is needed.",
        NEW_FORM,
        "The release form does not say when it expires.",
    ),
    Finding.SIGNATURE_MISSING: Sentences(
        "The form is not signed (164.508(c)(1)(vi)). Ask for the signature.",
        "Your release form is not signed. Please sign it and send it again.",
        "The release form is not signed.",
    ),
    Finding.SIGNATURE_UNDATED: Sentences(
        "The signature has no date (164.508(c)(1)(vi)). A newly signed form is needed.",
        "Your release form has no date beside the signature. Please sign and date it again.",
        "The signature on the release form is not dated.",
    ),
    Finding.SIGNATURE_POSTDATED: Sentences(
        "The signature bears a date that has not come yet. Ask when the form was really signed.",
        "The date beside your signature lies in the future. Please sign and date the form again.",
        "The signature on the release form bears a future date.",
    ),
    Finding.REPRESENTATIVE_AUTHORITY_MISSING: Sentences(
        "A representative signed and the form does not say by what authority (164.508(c)(1)(vi)). Ask for it.",
        "The person who signed for you must tell us by what right they sign.",
        "The release form does not say by what authority the representative signed.",
    ),
    Finding.STATEMENT_MISSING_REVOKE: Sentences(
        "The form lacks the statement on the right to revoke (164.508(c)(2)(i)). A new form is needed.",
        NEW_FORM,
        "The release form lacks the statement on the right to revoke.",
    ),
    Finding.STATEMENT_MISSING_CONDITION: Sentences(
        "The form lacks the statement on conditions of treatment or payment (164.508(c)(2)(ii)). A new form is needed.",
        NEW_FORM,
        "The release form lacks the statement on conditions.",
    ),
    Finding.STATEMENT_MISSING_REDISCLOSE: Sentences(
        "The form lacks the statement on redisclosure (164.508(c)(2)(iii)). A new form is needed.",
        NEW_FORM,
        "The release form lacks the statement on redisclosure.",
    ),
    Finding.EXPIRED_DATE: Sentences(
        "The form has expired (164.508(b)(2)(i)). Ask for a renewal.",
        "Your release form has expired. Please sign a new one.",
        "The release form has expired. A new one is being asked for.",
    ),
    Finding.EXPIRED_EVENT: Sentences(
        "The event at which the form expires has occurred (164.508(b)(2)(i)). Ask for a new form.",
        "Your release form has expired. Please sign a new one.",
        "The release form has expired. A new one is being asked for.",
    ),
    Finding.REVOKED: Sentences(
        "The patient revoked the form in writing (164.508(b)(2)(iii)). Nothing may leave under it.",
        STOPPED,
        STOPPED_INSTITUTION,
    ),
    Finding.COMPOUND: Sentences(
        "The form is combined with another permission it may not be combined with (164.508(b)(3)). A separate one is "
        "needed.",
        NEW_FORM,
        NEW_FORM_INSTITUTION,
    ),
    Finding.CONDITIONED: Sentences(
        "The form was made a condition of treatment, payment or enrolment (164.508(b)(4)). A new form is needed.",
        NEW_FORM,
        NEW_FORM_INSTITUTION,
    ),
    Finding.FALSE_MATERIAL: Sentences(
        "Something material on the form is known to be false (164.508(b)(2)(v)). A new form is needed.",
        NEW_FORM,
        NEW_FORM_INSTITUTION,
    ),
    Finding.PATIENT_MISMATCH: Sentences(
        "The form is not about this patient. Compare names, birth dates and numbers.",
        "We cannot match the release form to you. Please call us.",
        "The release form could not be matched to the patient.",
    ),
    Finding.REPLACED: Sentences(
        "A newer form replaces this one; only the newer one counts.",
        "You signed a newer release form. Only that one counts.",
        "The release form was replaced by a newer one.",
    ),
    Finding.ENTERED_IN_ERROR: Sentences(
        "The form was entered in error. Decide whether anything released under it must be called back.",
        STOPPED,
        STOPPED_INSTITUTION,
    ),
    Finding.PAUSED: Sentences(
        "The patient asked by telephone to stop. Wait for it in writing.",
        STOPPED,
        STOPPED_INSTITUTION,
    ),
    Finding.NOT_FILED: Sentences(
        "The form is a draft and not filed yet.",
        "Your release form is not finished yet. Please sign it and send it.",
        "A signed release form is still awaited.",
    ),
    Finding.NOT_YET_IN_FORCE: Sentences(
        "The form takes effect on a later day.",
        "Your release form takes effect later. We begin on that day.",
        "The release form takes effect on a later day.",
    ),
    Finding.DENIED: Sentences(
        "The patient refuses this release (164.522(a)). Nothing may leave.",
        STOPPED,
        STOPPED_INSTITUTION,
    ),
    Finding.NOT_THIS_DISCLOSER: Sentences(
        "The form does not name this institution as one that may release.",
        "Your release form does not name every institution that holds your records. We need a new one.",
        "The release form does not name your institution. A new one is being asked for.",
    ),
    Finding.NOT_THIS_RECIPIENT: Sentences(
        "The form does not name the receiving center.",
        "Your release form does not name the center that is to receive your records. We need a new one.",
        "The release form does not name the receiving center. A new one is being asked for.",
    ),
    Finding.NOT_THIS_INFORMATION: Sentences(
        "The form does not cover these records.",
        NEW_FORM,
        NEW_FORM_INSTITUTION,
    ),
    Finding.PURPOSE_MISMATCH: Sentences(
        "The form was given for another purpose.",
        NEW_FORM,
        NEW_FORM_INSTITUTION,
    ),
    Finding.SPECIAL_CATEGORY_NOT_AUTHORIZED: Sentences(
        "Some records need an express line on the form, and the form lacks it. Do not tell anyone outside which.",
        NEW_FORM,
        NEW_FORM_INSTITUTION,
    ),
    Finding.EMERGENCY_NOT_DECLARED: Sentences(
        "No clinician has declared an emergency in force for this release.",
        WORKING,
        OURS,
    ),
}
