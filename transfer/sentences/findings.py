"""What is wrong with a release, said to staff and to the patient."""

from collections.abc import Mapping

from transfer.permissions import Finding
from transfer.permissions.notices import PermissionNotice
from transfer.sentences.words import (
    LOOKED_AT,
    NEW_FORM,
    STOPPED,
    WORKING,
    Sentences,
)

FINDINGS: Mapping[str, Sentences] = {
    Finding.NO_FORM: Sentences(
        "No release form is on file. Ask the patient or the referring office for one.",
        "We need a signed release form from you before we may ask for your records.",
    ),
    Finding.INCOMPLETE_DESCRIPTION: Sentences(
        "The form does not describe what is to be released (164.508(c)(1)(i)). A new form is needed.", NEW_FORM
    ),
    Finding.INCOMPLETE_DISCLOSER: Sentences(
        "The form does not name who may release (164.508(c)(1)(ii)). A new form is needed.", NEW_FORM
    ),
    Finding.INCOMPLETE_RECIPIENT: Sentences(
        "The form does not name who may receive (164.508(c)(1)(iii)). A new form is needed.", NEW_FORM
    ),
    Finding.INCOMPLETE_PURPOSE: Sentences(
        "The form names no purpose (164.508(c)(1)(iv)). A new form is needed.", NEW_FORM
    ),
    Finding.INCOMPLETE_EXPIRATION: Sentences(
        "The form names neither a date nor an event at which it expires (164.508(c)(1)(v)). A new form is needed.",
        NEW_FORM,
    ),
    Finding.SIGNATURE_MISSING: Sentences(
        "The form is not signed (164.508(c)(1)(vi)). Ask for the signature.",
        "Your release form is not signed. Please sign it and send it again.",
    ),
    Finding.SIGNATURE_UNDATED: Sentences(
        "The signature has no date (164.508(c)(1)(vi)). A newly signed form is needed.",
        "Your release form has no date beside the signature. Please sign and date it again.",
    ),
    Finding.SIGNATURE_POSTDATED: Sentences(
        "The signature bears a date that has not come yet. Ask when the form was really signed.",
        "The date beside your signature lies in the future. Please sign and date the form again.",
    ),
    Finding.REPRESENTATIVE_AUTHORITY_MISSING: Sentences(
        "A representative signed and the form does not say by what authority (164.508(c)(1)(vi)). Ask for it.",
        "The person who signed for you must tell us by what right they sign.",
    ),
    Finding.STATEMENT_MISSING_REVOKE: Sentences(
        "The form lacks the statement on the right to revoke (164.508(c)(2)(i)). A new form is needed.", NEW_FORM
    ),
    Finding.STATEMENT_MISSING_CONDITION: Sentences(
        "The form lacks the statement on conditions of treatment or payment (164.508(c)(2)(ii)). A new form is needed.",
        NEW_FORM,
    ),
    Finding.STATEMENT_MISSING_REDISCLOSE: Sentences(
        "The form lacks the statement on redisclosure (164.508(c)(2)(iii)). A new form is needed.", NEW_FORM
    ),
    Finding.EXPIRED_DATE: Sentences(
        "The form has expired (164.508(b)(2)(i)). Ask for a renewal.",
        "Your release form has expired. Please sign a new one.",
    ),
    Finding.EXPIRED_EVENT: Sentences(
        "The event at which the form expires has occurred (164.508(b)(2)(i)). Ask for a new form.",
        "Your release form has expired. Please sign a new one.",
    ),
    Finding.REVOKED: Sentences(
        "The patient revoked the form in writing (164.508(b)(2)(iii)). Nothing may leave under it.", STOPPED
    ),
    Finding.COMPOUND: Sentences(
        "The form is combined with another permission it may not be combined with (164.508(b)(3)). A separate one is "
        "needed.",
        NEW_FORM,
    ),
    Finding.CONDITIONED: Sentences(
        "The form was made a condition of treatment, payment or enrolment (164.508(b)(4)). A new form is needed.",
        NEW_FORM,
    ),
    Finding.FALSE_MATERIAL: Sentences(
        "Something material on the form is known to be false (164.508(b)(2)(v)). A new form is needed.", NEW_FORM
    ),
    Finding.PATIENT_MISMATCH: Sentences(
        "The form is not about this patient. Compare names, birth dates and numbers.",
        "We cannot match the release form to you. Please call us.",
    ),
    Finding.REPLACED: Sentences(
        "A newer form replaces this one; only the newer one counts.",
        "You signed a newer release form. Only that one counts.",
    ),
    Finding.ENTERED_IN_ERROR: Sentences(
        "The form was entered in error. Decide whether anything released under it must be called back.", STOPPED
    ),
    Finding.PAUSED: Sentences(
        "Somebody said no, by telephone or in a way that a person must confirm. It stays stopped until then.", STOPPED
    ),
    Finding.NOT_FILED: Sentences(
        "The form is a draft and not filed yet.", "Your release form is not finished yet. Please sign it and send it."
    ),
    Finding.NOT_YET_IN_FORCE: Sentences(
        "The form takes effect on a later day.", "Your release form takes effect later. We begin on that day."
    ),
    Finding.DENIED: Sentences("The patient refuses this release (164.522(a)). Nothing may leave.", STOPPED),
    Finding.NOT_THIS_DISCLOSER: Sentences(
        "The form does not name this institution as one that may release.",
        "Your release form does not name every institution that holds your records. We need a new one.",
    ),
    Finding.NOT_THIS_RECIPIENT: Sentences(
        "The form does not name the receiving center.",
        "Your release form does not name the center that is to receive your records. We need a new one.",
    ),
    Finding.NOT_THIS_INFORMATION: Sentences("The form does not cover these records.", NEW_FORM),
    Finding.PURPOSE_MISMATCH: Sentences("The form was given for another purpose.", NEW_FORM),
    Finding.NOT_ON_THEIR_FORM: Sentences(
        "They release these records only under a form of their own. The case says which. Do not tell anyone outside.",
        NEW_FORM,
    ),
    Finding.SPECIAL_CATEGORY_NOT_AUTHORIZED: Sentences(
        "Some records need an express line on the form, and the form lacks it. Do not tell anyone outside which.",
        NEW_FORM,
    ),
    Finding.ALTERED: Sentences(
        "A table says of the permissions what the trail does not; nothing is permitted. Walk the trail.", WORKING
    ),
    Finding.EMERGENCY_NOT_DECLARED: Sentences(
        "No clinician has declared an emergency in force for this release.", WORKING
    ),
    Finding.SIGNATURE_IMPLAUSIBLE: Sentences(
        "The signature bears a date before the patient's birth, or before such forms existed. A new form is needed.",
        "The date beside your signature cannot be right. Please sign and date the form again.",
    ),
    Finding.REPRESENTATIVE_NOT_AUTHORIZED: Sentences(
        "Whoever signed for the patient has no authority by being close to them (164.502(g)). A new form is needed.",
        "The person who signed for you may not do so by law. Please sign the form yourself, or call us.",
    ),
    Finding.ACTION_MISMATCH: Sentences(
        "The form permits something else than handing records over. A new form is needed.", NEW_FORM
    ),
    Finding.FORM_UNREADABLE: Sentences(
        "The form cannot be read by rules. Look at it, and ask for a new one where it is not clear.", LOOKED_AT
    ),
    Finding.FORM_INCOMPLETE_COPY: Sentences(
        "The form came as an incomplete copy of what its sender holds. Ask for the whole form.", LOOKED_AT
    ),
    Finding.FORM_IS_TEST_DATA: Sentences(
        "The form is marked as test data. Ask its sender whether it is a real form.", LOOKED_AT
    ),
    Finding.NOT_A_RELEASE_FORM: Sentences(
        "The form is a consent to something else, or to several things. Look whether it releases records.", LOOKED_AT
    ),
    Finding.MEANING_MODIFIED: Sentences(
        "The form carries an extension that may turn its meaning around. Ask its sender what it means.", LOOKED_AT
    ),
    Finding.WORDS_SAY_MORE: Sentences(
        "The form says something in words that its codes do not say. Read it; no rule can keep it.", LOOKED_AT
    ),
    Finding.CODE_UNKNOWN: Sentences("The form uses a code that we do not know. Look what it limits.", LOOKED_AT),
    Finding.PARTY_UNKNOWN: Sentences(
        "The form names somebody who is no institution of ours. Look who is meant.", LOOKED_AT
    ),
    Finding.SINGLE_RECORDS_NAMED: Sentences(
        "The form names single records. Look which ones; no rule can tell them apart.", LOOKED_AT
    ),
    Finding.PROVISION_TYPE_UNCLEAR: Sentences(
        "The form does not say of all its parts whether they permit or refuse. Look at it.", LOOKED_AT
    ),
    Finding.PROVISION_TOO_DEEP: Sentences(
        "The form has exceptions to exceptions. Read it; no rule can keep them.", LOOKED_AT
    ),
    Finding.DATE_UNREADABLE: Sentences(
        "A date on the form cannot be read, or stands there in words. Look at the form.", LOOKED_AT
    ),
    Finding.PATIENT_INACTIVE: Sentences(
        "The form's sender has set its patient's record aside. Ask whether the form still counts.", LOOKED_AT
    ),
    Finding.PATIENT_DECEASED: Sentences(
        "The form's patient has died. Look who may act for the estate (164.502(g)(4)).", LOOKED_AT
    ),
    Finding.SIGNER_MINOR: Sentences(
        "The patient was a minor when signing. State law says who signs (164.502(g)(3)). Look at it.", LOOKED_AT
    ),
    Finding.SIGNATURE_DOUBTED: Sentences(
        "Whether the form is signed is not clear: a stamp, a typed name, or checks that contradict. Look at it.",
        LOOKED_AT,
    ),
    Finding.SIGNATURE_VERIFIED_EARLY: Sentences(
        "The signature was checked before the day on which it was made. Look at both dates.", LOOKED_AT
    ),
    Finding.REPRESENTATIVE_UNCLEAR: Sentences(
        "By what right a representative signed, or for whom, is not clear (164.502(g)). Look at it.", LOOKED_AT
    ),
    Finding.PERHAPS_COMPOUND: Sentences(
        "The form also serves research or marketing (164.508(b)(3)). Look whether it may be combined so.", NEW_FORM
    ),
    Finding.PERHAPS_DENIED: Sentences(
        "The patient refuses something, and whether it is this cannot be told. Nothing leaves until you look.", STOPPED
    ),
    Finding.PERHAPS_NOT_COVERED: Sentences(
        "Whether the form covers these records cannot be told by rules. Look at the form.", NEW_FORM
    ),
}

NOTICES: Mapping[str, Sentences] = {
    PermissionNotice.RENEWAL_DUE: Sentences("A release form expires within 14 days. Ask the patient for a new one."),
}
