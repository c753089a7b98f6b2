"""Who the four institutions are, as their own systems say it: the names and numbers that stand in what they send."""

from dataclasses import dataclass

NPI = "http://hl7.org/fhir/sid/us-npi"
#: below HL7's root for examples (2.16.840.1.113883.19); no real organization has these
_ROOT = "2.16.840.1.113883.19.71"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An institution. `namespace` is what its messages call the issuer of its patient numbers, `oid` the same
    issuer's number.
    """

    id: str
    name: str
    #: type 2 NPI. No real one begins with 2 as yet.
    npi: str
    namespace: str
    oid: str
    time_zone: str
    address: str

    @property
    def patient_system(self) -> str:
        return f"urn:oid:{self.oid}.1"

    @property
    def accession_system(self) -> str:
        return f"urn:oid:{self.oid}.2"


LAKESIDE = Entry(
    id="lakeside-oncology",
    name="Lakeside Oncology",
    npi="2990000012",
    namespace="LAKESIDE",
    oid=f"{_ROOT}.1",
    time_zone="America/Chicago",
    address="400 Shore Road, Kenosha, WI 53140",
)
PRAIRIE = Entry(
    id="prairie-pathology",
    name="Prairie Pathology",
    npi="2990000020",
    namespace="PRAIRIE",
    oid=f"{_ROOT}.2",
    time_zone="America/Chicago",
    address="18 Elevator Street, Fargo, ND 58102",
)
MERCY = Entry(
    id="mercy-imaging",
    name="Mercy Imaging",
    npi="2990000038",
    namespace="MERCY",
    oid=f"{_ROOT}.3",
    time_zone="America/New_York",
    address="1 Mercy Plaza, Toledo, OH 43604",
)
SUMMIT = Entry(
    id="summit-cancer-center",
    name="Summit Cancer Center",
    npi="2990000046",
    namespace="SUMMIT",
    oid=f"{_ROOT}.4",
    time_zone="America/Denver",
    address="9000 Summit Drive, Aurora, CO 80045",
)

ALL = {entry.id: entry for entry in (LAKESIDE, PRAIRIE, MERCY, SUMMIT)}
