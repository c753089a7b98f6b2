"""What needs a decision about a release form or a written no, said to staff."""

from collections.abc import Mapping

from transfer.holds import HoldCode
from transfer.sentences.words import Sentences

ON_PERMISSIONS: Mapping[str, Sentences] = {
    HoldCode.FORM_STOPPED: Sentences(
        "A written no stopped this form, and does not name it surely. Revoke the form, or let it go on."
    ),
    HoldCode.SOURCE_OBJECTS: Sentences(
        "An institution said no; its own records are stopped. Ask it, then keep that or let them go on."
    ),
    HoldCode.OBJECTION_OF_ANOTHER: Sentences(
        "A no came from an institution that filed no form and is named on none. Nothing is stopped: decide today."
    ),
    HoldCode.OBJECTION_UNMATCHED: Sentences(
        "A no came that nobody could match to a patient or a form. Call its sender today, and stop the form it means."
    ),
    HoldCode.FORM_READ_ANEW: Sentences(
        "A release form says more than this version can keep, and it is paused. Look at the paper form."
    ),
    HoldCode.FORM_UNCLEAR: Sentences(
        "A release form says what no rule can keep. Look at it, and ask for a clear one. It is not filed."
    ),
    HoldCode.CONSENT_WITHOUT_FORM: Sentences(
        "A message says that the patient permits a release, and brings no form. Ask for the signed form, and file it."
    ),
    HoldCode.FORM_DOUBTED: Sentences(
        "Rules cannot tell whether a release form is valid, or what it covers. In doubt nothing leaves. Look at it."
    ),
    HoldCode.WHOSE_FORM: Sentences(
        "Whose release form is this? Compare; two people decide where only name and birth date agree."
    ),
}
