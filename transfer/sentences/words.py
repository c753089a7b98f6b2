"""What a code says to each who is shown it, and what several codes say alike to the patient."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sentences:
    """`patient` and `institution` are of the codes that a page of theirs shows; of others nothing is said to them."""

    staff: str
    patient: str = ""
    institution: str = ""


# What several codes say alike to the patient.
NEW_FORM = "We need a new signed release form from you. Please ask us or your doctor's office for one."
WORKING = "We are working on it. You need not do anything."
THEIRS = "We are asking the institution that holds your records. You need not do anything."
LOOKED_AT = "Somebody is looking at your release form. You need not do anything."
STOPPED = "The release of your records has been stopped."
