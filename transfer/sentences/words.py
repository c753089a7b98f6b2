"""The three sentences, and what several codes say alike outside."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sentences:
    staff: str
    patient: str
    institution: str


# What several codes say alike outside.
NEW_FORM = "We need a new signed release form from you. Please ask us or your doctor's office for one."
NEW_FORM_INSTITUTION = "The release form on file does not cover this request. A new one is being asked for."
WORKING = "We are working on it. You need not do anything."
OURS = "This is being settled on our side. Nothing is needed from you."
THEIRS = "We are asking the institution that holds your records. You need not do anything."
LOOKED_AT = "Somebody is looking at your release form. You need not do anything."
LOOKED_AT_INSTITUTION = "Somebody is looking at the release form. We will call you if anything is missing."
STOPPED = "The release of your records has been stopped."
STOPPED_INSTITUTION = "There is no release in force. Please send nothing until you hear from us."
WHICH_PATIENT = "We are making sure which patient a message is about."
