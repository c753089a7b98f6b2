"""What a person's number is: a medical record number, or the number of a policy, a licence, a citizen.

Only a medical record number stands for one patient. A policy's number is a whole family's; a licence's or a citizen's
is known to everybody who copied it. The types are those of HL7 table 0203, which FHIR's `Identifier.type` shares
(http://terminology.hl7.org/CodeSystem/v2-0203).
"""

from collections.abc import Iterable
from typing import Final


def _codes(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: of one person in one index: medical record, patient internal and external, person, enterprise, national patient
#: number, resource, anonymous, unspecified
_RECORD_NUMBERS: Final = _codes("MR MRN PI PT PN PE NI NH RI ANON U")

#: the rest of the table: numbers of policies, accounts, visits, licences, citizens, staff, specimens, things
_OTHER_NUMBERS: Final = _codes(
    """AC ACSN AIN AM AMA AN ANC AND ANT APRN ASID BA BC BCFN BCT BR BRN BSNR CAAI CC CONM CY CZ DC DCFN DDS DEA DFN DI
    DL DN DO DP DPM DR DS DSG EI EN ESN FDR FDRFN FGN FI FILL GI GIN GL GN HC IND IRISTEM JHN LACSN LANR LI LN LR MA MB
    MC MCD MCN MCR MCT MD MI MRT MS NBSNR NCT NE NII NIIP NP NPI OD PA PC PCN PEN PGN PHC PHE PHO PIN PLAC PNT POS PPIN
    PPN PRC PRN QA RN RPH RR RRI RRP SAMN SB SID SL SN SNBSN SNO SP SR SRX SS STN TAX TN TPR TRL UDI UPIN USID VN VP VS
    WC WCN WP XV XX"""
)

#: what sites and FHIR texts say where a code of the table should stand
_OTHER_WORDS: Final = frozenset(
    {
        "SSN",
        "SSA",
        "DLN",
        "INS",
        "INSURANCE",
        "POLICY",
        "SUBSCRIBER",
        "ACCOUNT NUMBER",
        "DRIVER'S LICENSE",
        "DRIVER'S LICENSE NUMBER",
        "HEALTH CARD NUMBER",
        "INSURANCE NUMBER",
        "MEDICAID NUMBER",
        "MEDICARE NUMBER",
        "MEMBER NUMBER",
        "PASSPORT NUMBER",
        "PATIENT MEDICAID NUMBER",
        "PATIENT'S MEDICARE NUMBER",
        "POLICY NUMBER",
        "SOCIAL SECURITY NUMBER",
        "SUBSCRIBER NUMBER",
    }
)

#: who gives numbers of other kinds, whatever type is said: social security, Medicare, licences, providers
#: (http://hl7.org/fhir/R4/identifier-registry.html; OIDs of HL7's registry)
_OTHER_ISSUERS: Final = frozenset(
    {
        "http://hl7.org/fhir/sid/us-ssn",
        "http://hl7.org/fhir/sid/us-medicare",
        "http://hl7.org/fhir/sid/us-mbi",
        "http://hl7.org/fhir/sid/us-npi",
        "urn:oid:2.16.840.1.113883.4.1",
        "urn:oid:2.16.840.1.113883.4.6",
        "urn:oid:2.16.840.1.113883.4.290",
        "urn:oid:2.16.840.1.113883.4.572",
        "urn:oid:2.16.840.1.113883.4.927",
    }
)
#: driver licences by state, passports by country
_OTHER_ISSUERS_BEGIN: Final = (
    "urn:oid:2.16.840.1.113883.4.3.",
    "urn:oid:2.16.840.1.113883.4.330.",
    "http://hl7.org/fhir/sid/passport-",
)


def is_record_number(types: Iterable[str], issuer: str | None = None, *, others: Iterable[str] = ()) -> bool:
    """Whether a number of these types by this issuer stands for one patient.

    A number without a type does, and so does one whose type is a site's own word. `others` are the words by which the
    site names numbers of other kinds. Of several types of the table, one record number's is enough.
    """
    if issuer and (issuer in _OTHER_ISSUERS or issuer.startswith(_OTHER_ISSUERS_BEGIN)):
        return False
    said, theirs = {_plain(one) for one in types}, {_plain(one) for one in others}
    if said & theirs:
        return False
    if said & _RECORD_NUMBERS:
        return True
    # NNxxx: a citizen's number, by the country's code of three letters
    return not said & (_OTHER_NUMBERS | _OTHER_WORDS) and not any(len(one) == 5 and one[:2] == "NN" for one in said)


def _plain(said: str) -> str:
    return said.strip().upper().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
