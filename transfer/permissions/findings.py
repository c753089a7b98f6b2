"""What can be found wrong with a release: one code each."""

from enum import StrEnum


class Finding(StrEnum):
    """Why a release is not permitted. Nobody but staff reads the code (docs/safety.md, promise 7)."""

    NO_FORM = "no-form"
    # 164.508(c)(1): an element is not filled in
    INCOMPLETE_DESCRIPTION = "incomplete-description"
    INCOMPLETE_DISCLOSER = "incomplete-discloser"
    INCOMPLETE_RECIPIENT = "incomplete-recipient"
    INCOMPLETE_PURPOSE = "incomplete-purpose"
    INCOMPLETE_EXPIRATION = "incomplete-expiration"
    SIGNATURE_MISSING = "signature-missing"
    SIGNATURE_UNDATED = "signature-undated"
    SIGNATURE_POSTDATED = "signature-postdated"
    SIGNATURE_IMPLAUSIBLE = "signature-implausible"
    REPRESENTATIVE_AUTHORITY_MISSING = "representative-authority-missing"
    REPRESENTATIVE_NOT_AUTHORIZED = "representative-not-authorized"
    # 164.508(c)(2)
    STATEMENT_MISSING_REVOKE = "statement-missing-revoke"
    STATEMENT_MISSING_CONDITION = "statement-missing-condition"
    STATEMENT_MISSING_REDISCLOSE = "statement-missing-redisclose"
    # 164.508(b)(2): defects
    EXPIRED_DATE = "expired-date"
    EXPIRED_EVENT = "expired-event"
    REVOKED = "revoked"
    COMPOUND = "compound"
    CONDITIONED = "conditioned"
    FALSE_MATERIAL = "false-material"
    PATIENT_MISMATCH = "patient-mismatch"
    # the other ends, and forms not in force
    REPLACED = "replaced"
    ENTERED_IN_ERROR = "entered-in-error"
    PAUSED = "paused"
    NOT_FILED = "not-filed"
    NOT_YET_IN_FORCE = "not-yet-in-force"
    DENIED = "denied"
    # 164.508(a)(1): a release must be consistent with its form
    NOT_THIS_DISCLOSER = "not-this-discloser"
    NOT_THIS_RECIPIENT = "not-this-recipient"
    NOT_THIS_INFORMATION = "not-this-information"
    PURPOSE_MISMATCH = "purpose-mismatch"
    ACTION_MISMATCH = "action-mismatch"
    #: whoever discloses wants a form of its own, or of its state's, and this is none
    NOT_ON_THEIR_FORM = "not-on-their-form"
    SPECIAL_CATEGORY_NOT_AUTHORIZED = "special-category-not-authorized"
    #: a table says of the patient's permissions what the facts do not
    ALTERED = "altered-beside-the-trail"
    # the other bases
    EMERGENCY_NOT_DECLARED = "emergency-not-declared"
    # a person's: the form says what no rule can carry
    FORM_UNREADABLE = "form-unreadable"
    FORM_INCOMPLETE_COPY = "form-incomplete-copy"
    FORM_IS_TEST_DATA = "form-is-test-data"
    NOT_A_RELEASE_FORM = "not-a-release-form"
    MEANING_MODIFIED = "meaning-modified"
    WORDS_SAY_MORE = "words-say-more"
    CODE_UNKNOWN = "code-unknown"
    PARTY_UNKNOWN = "party-unknown"
    SINGLE_RECORDS_NAMED = "single-records-named"
    PROVISION_TYPE_UNCLEAR = "provision-type-unclear"
    PROVISION_TOO_DEEP = "provision-too-deep"
    DATE_UNREADABLE = "date-unreadable"
    # a person's: whether the signature is one
    PATIENT_INACTIVE = "patient-inactive"
    PATIENT_DECEASED = "patient-deceased"
    SIGNER_MINOR = "signer-minor"
    SIGNATURE_DOUBTED = "signature-doubted"
    SIGNATURE_VERIFIED_EARLY = "signature-verified-early"
    REPRESENTATIVE_UNCLEAR = "representative-unclear"
    # a person's: whether the form is about this release
    PERHAPS_COMPOUND = "perhaps-compound"
    PERHAPS_DENIED = "perhaps-denied"
    PERHAPS_NOT_COVERED = "perhaps-not-covered"

    @property
    def needs_person(self) -> bool:
        """Only somebody who looks at the form can tell. Any other finding is a "no" that only another form changes."""
        return self in _NEEDS_PERSON


_NEEDS_PERSON = frozenset(
    {
        Finding.FORM_UNREADABLE,
        Finding.FORM_INCOMPLETE_COPY,
        Finding.FORM_IS_TEST_DATA,
        Finding.NOT_A_RELEASE_FORM,
        Finding.MEANING_MODIFIED,
        Finding.WORDS_SAY_MORE,
        Finding.CODE_UNKNOWN,
        Finding.PARTY_UNKNOWN,
        Finding.SINGLE_RECORDS_NAMED,
        Finding.PROVISION_TYPE_UNCLEAR,
        Finding.PROVISION_TOO_DEEP,
        Finding.DATE_UNREADABLE,
        Finding.PATIENT_INACTIVE,
        Finding.PATIENT_DECEASED,
        Finding.SIGNER_MINOR,
        Finding.SIGNATURE_DOUBTED,
        Finding.SIGNATURE_VERIFIED_EARLY,
        Finding.REPRESENTATIVE_UNCLEAR,
        Finding.PERHAPS_COMPOUND,
        Finding.PERHAPS_DENIED,
        Finding.PERHAPS_NOT_COVERED,
    }
)
