"""The institutions we deal with, each a reviewed YAML file in `institutions/`.

A file says who the institution is, how each door knows it, and what it may do there. It names the departments, what
they hold and how each is asked, and the legal basis a release needs. `${NAME}` stands for a setting of that name. So a
reviewed file holds no secret or address of one installation.
"""

import re
from abc import abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping
from enum import StrEnum
from itertools import combinations
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, field_validator, model_validator

from transfer import reviewed
from transfer.addresses import AeTitle, as_web_address, is_host, is_loopback
from transfer.arrivals import Grant
from transfer.asking import Asking
from transfer.center_accounts import CenterSignIn
from transfer.center_needs import CenterNeeds
from transfer.contacts import Contact
from transfer.credentials import BearerToken, SmartClient
from transfer.credentials import Tls as Tls
from transfer.delivery import Delivery
from transfer.doors import Digest, DoorToken, HttpDoor, MllpDoor
from transfer.errors import Unknown
from transfer.identifier_types import is_record_number
from transfer.identifiers import DepartmentId, InstitutionId
from transfer.own_forms import OwnForm, Sensitivities, StateList, load_states, with_state
from transfer.patients import IssuedIdentifier
from transfer.placeholders import Placeholders
from transfer.records import RecordKind
from transfer.reviewed import SETTING, ReviewedPart, as_zone, is_no_setting
from transfer.security_labels import FEDERALLY_PROTECTED, KNOWN_LABELS, SENSITIVITY


class Basis(StrEnum):
    """Legal bases of a release: 45 CFR 164.508, 164.506(c)(2), 164.524(c)(3)(ii), 164.510."""

    AUTHORIZATION = "authorization"
    TREATMENT = "treatment"
    ACCESS_DIRECTIVE = "access-directive"
    EMERGENCY = "emergency"


class IssuerName(ReviewedPart):
    system: str
    value: str


class _Source(ReviewedPart):
    """How one department is asked, and what comes of it."""

    #: we go and get it, rather than wait for it
    is_fetched: ClassVar[bool] = False
    #: all that comes when it is asked, whatever the department holds; None: what the department holds
    gives: ClassVar[tuple[RecordKind, ...] | None] = None


class AskedForDocuments(_Source):
    """By a client that is a `transfer.sources.DocumentSource`."""

    is_fetched = True


class AskedForImages(_Source):
    """By a client that is a `transfer.sources.ImageArchive`."""

    is_fetched = True
    gives = (RecordKind.IMAGES,)


class _Reached(ReviewedPart):
    """A source at an address. Plain text goes to this machine only, unless the file permits it."""

    tls: Tls | None = None
    #: plain text goes to another machine: a tunnel or a proxy of ours protects the line
    plain_text: bool = False

    @property
    def _says_tls(self) -> bool:
        return self.tls is not None and self.tls != Tls()


class _ByUrl(_Reached):
    @property
    @abstractmethod
    def _address(self) -> str | None:
        """The address, whatever its field is called; None: there is none."""

    @model_validator(mode="after")
    def _is_https(self) -> Self:
        if self._address is None:
            return self
        if self._says_tls and not self._address.startswith("https://"):
            raise ValueError("tls is for an https address")
        if not self._is_protected(self._address):
            raise ValueError("records would travel in plain text: use https, or plain_text behind a tunnel")
        return self

    def _is_protected(self, address: str) -> bool:
        there = as_web_address(address)
        return there.scheme == "https" or self.plain_text or is_loopback(there.hostname or "")


class _Asked(_ByUrl):
    base_url: str

    @property
    def _address(self) -> str:
        return self.base_url


class FhirSource(_Asked, AskedForDocuments):
    """Asked by US Core searches."""

    by: Literal["fhir"]
    token: BearerToken | None = None
    smart: SmartClient | None = None

    @model_validator(mode="after")
    def _is_one_credential(self) -> "FhirSource":
        if self.token and self.smart:
            raise ValueError("a token, or smart, or none of them")
        if self.smart and self.smart.token_url and not self._is_protected(self.smart.token_url):
            raise ValueError("tokens would travel in plain text: use https for token_url, or plain_text with a tunnel")
        return self


class DicomwebSource(_Asked, AskedForImages):
    """Asked by QIDO-RS, fetched by WADO-RS (PS3.18), as a bearer of a token or as a user with a password (RFC 7617).

    An empty setting counts as none, so that one file serves archives of either kind.
    """

    by: Literal["dicomweb"]
    token: BearerToken | None = None
    user: str | None = None
    password: str | None = None

    @field_validator("token", "user", "password")
    @classmethod
    def _given(cls, text: str | None) -> str | None:
        return text or None

    @model_validator(mode="after")
    def _is_one_credential(self) -> "DicomwebSource":
        if (self.user is None) != (self.password is None) or (self.token and self.user):
            raise ValueError("a token, or a user with a password, or none of them")
        if self.user and ":" in self.user:
            raise ValueError("a user of HTTP basic authentication has no colon")
        return self


class DimseSource(_Reached, AskedForImages):
    """Asked by C-FIND, fetched by C-GET (PS3.4 C.4), where an archive speaks no DICOMweb. Over TLS (PS3.15 B.12) but to
    this machine without `tls`, or with `plain_text`.
    """

    by: Literal["dimse"]
    host: str
    #: 2762 is registered for DICOM over TLS, 104 and 11112 without
    port: Annotated[int, Field(ge=1, le=65535)]
    called_ae_title: AeTitle
    #: ours, as the archive knows us
    calling_ae_title: AeTitle

    @field_validator("host")
    @classmethod
    def _is_host(cls, text: str) -> str:
        if not is_host(text):
            raise ValueError("a name or an IP address alone: no scheme, no port, no path")
        return text

    @model_validator(mode="after")
    def _is_meant(self) -> "DimseSource":
        if self.plain_text and self._says_tls:
            raise ValueError("tls and plain_text contradict each other")
        return self

    @property
    def is_plain(self) -> bool:
        return self.plain_text or (is_loopback(self.host) and not self._says_tls)


class PushSource(_Source):
    """Sends by itself through its door; its request waits in state *expected*."""

    by: Literal["push"]


class ByHand(_Source):
    """Asked by a person: telephone, letter, counter. Material comes this way."""

    by: Literal["hand"]


class Department(ReviewedPart):
    """One place to ask: records office, slide room, film room."""

    id: Annotated[str, AfterValidator(DepartmentId)]
    name: str
    holds: tuple[RecordKind, ...]
    asked: FhirSource | DicomwebSource | DimseSource | PushSource | ByHand = Field(discriminator="by")
    #: of this department alone; None: as its institution says
    asking: Asking | None = None
    usual_days: Annotated[int, Field(ge=1, le=366)] = 7

    @model_validator(mode="after")
    def _has_turns(self) -> "Department":
        if self.asking and not self.is_fetched:
            raise ValueError("asking is for a department that we fetch from: leave it out")
        return self

    @property
    def is_fetched(self) -> bool:
        """We go and get it, rather than wait for it."""
        return self.asked.is_fetched

    @property
    def gives(self) -> tuple[RecordKind, ...]:
        """What comes when it is asked: of an archive images, whatever else the department holds."""
        return self.holds if self.asked.gives is None else self.asked.gives


class Corrections(StrEnum):
    """What a corrected report by HL7 v2 holds."""

    #: the whole report again
    SNAPSHOT = "snapshot"
    #: what changed: the other results of the earlier report stand
    ACTION = "action"


class Receiving(_ByUrl):
    """How a packet is handed to this institution: ITI-65 to its FHIR endpoint, links fetched with its own token.

    Without an endpoint it stands ready at our pages, and whoever of it was invited is told by mail.
    """

    fhir_url: str | None = None
    token: BearerToken | None = None
    #: what has to be there before a packet goes
    deliver: Delivery = Delivery.WHEN_ELECTRONIC_COMPLETE
    takes_tasks: bool = False  #: besides packets: they tell it how far a case is
    #: days from the hand-over of a packet in which its links work
    link_days: Annotated[int, Field(ge=1, le=366)] = 30
    #: downloads at once, at each gateway
    downloads_at_once: Annotated[int, Field(ge=1, le=192)] = 64
    sign_in: CenterSignIn | None = None  #: how its people sign in at our pages; None: those whom staff invited
    needs: CenterNeeds = CenterNeeds()  #: what it wants otherwise than the checklists say

    @model_validator(mode="after")
    def _is_one_way(self) -> Self:
        if (self.fhir_url is None) == bool(self.token):
            raise ValueError("fhir_url and token go together")
        if self.fhir_url is None and (self.takes_tasks or self.tls or self.plain_text):
            raise ValueError("takes_tasks, tls and plain_text are for a fhir_url")
        return self

    @property
    def endpoint(self) -> tuple[str, str] | None:
        """Its FHIR endpoint and the token that we show there; None: packets stand ready at our pages alone."""
        return (self.fhir_url, self.token) if self.fhir_url and self.token else None

    @property
    def _address(self) -> str | None:
        return self.fhir_url


class Institution(ReviewedPart):
    id: Annotated[str, AfterValidator(InstitutionId)]
    name: str
    time_zone: Annotated[str, AfterValidator(as_zone)]
    identifiers: tuple[IssuerName, ...] = ()
    #: their spelling of an issuer (HL7 namespace, DICOM IssuerOfPatientID, FHIR system) → the URI we use
    issuers: dict[str, str] = Field(default_factory=dict)
    #: issuer URI meant where a message gives a patient number with no issuer at all
    default_issuer: str | None = None
    #: their words for types of numbers that are no medical record numbers, besides those of HL7 table 0203
    other_number_types: tuple[str, ...] = ()
    placeholders: Placeholders = Placeholders()
    #: local document codes → our kinds, as `LOCAL|PATH1: pathology-report`
    codes: dict[str, RecordKind] = Field(default_factory=dict)
    #: their security labels → v3-Confidentiality or v3-ActCode: `SYSTEM|CODE`, `|TEXT`, or `TABLE|CODE` of HL7 v2
    labels: dict[str, str] = Field(default_factory=dict)
    grants: frozenset[Grant] = frozenset()
    #: what a release *from* this institution needs
    requires: Basis = Basis.AUTHORIZATION
    #: labels that need a form even where `requires` is treatment, as its state has it; unless it says, all there are
    special_categories: Sensitivities = SENSITIVITY
    #: whose list of `states/` holds for it
    state: str | None = None
    #: the forms without which it releases some records, or none; those of its state's list among them
    own_forms: tuple[OwnForm, ...] = ()
    #: whether what it has not labelled needs a form even where `requires` is treatment
    form_for_unlabelled: bool = False
    #: what its corrections by HL7 v2 hold. None: where one has fewer results than what it corrects, a person is asked
    corrections: Corrections | None = None
    #: a person must approve before a packet with records from here goes out
    approval_before_release: bool = False
    #: it releases on a form that the patient signed at our page (15 U.S.C. 7001(a))
    takes_electronic_signatures: bool = False
    #: hours after a written revocation until the purge runs without a person's answer; None: it never does
    purge_delay_hours: Annotated[int, Field(ge=0)] | None = None
    #: SHA-256 of the client certificates that name it, at each of its doors; where any is listed, it must show one
    certificates: frozenset[Digest] = frozenset()
    http_door: HttpDoor | None = None
    mllp_door: MllpDoor | None = None
    departments: tuple[Department, ...] = ()
    #: where letters go; None: nobody is written to, and departments without an interface are called
    contact: Contact | None = None
    #: of each department that does not say otherwise
    asking: Asking = Asking()
    receives: Receiving | None = None

    @field_validator("labels")
    @classmethod
    def _are_known(cls, table: dict[str, str]) -> dict[str, str]:
        if unknown := sorted(set(table.values()) - KNOWN_LABELS):
            raise ValueError(f"no label of v3-Confidentiality or v3-ActCode that is known here: {', '.join(unknown)}")
        return table

    @model_validator(mode="after")
    def _can_be_told(self) -> "Institution":
        if self.http_door and not self.http_door.tokens and not self.certificates:
            raise ValueError("an http_door without a token needs certificates")
        if any(not token.scopes <= self.grants for token in self.tokens):
            raise ValueError("a token has a scope that the institution is not granted")
        if len({department.id for department in self.departments}) != len(self.departments):
            raise ValueError("two departments have one id: give each its own")
        if "asking" in self.model_fields_set and not any(department.is_fetched for department in self.departments):
            raise ValueError("asking is for an institution that we fetch from: leave it out")
        return self

    @property
    def tokens(self) -> tuple[DoorToken, ...]:
        return self.http_door.tokens if self.http_door else ()

    @property
    def certificates_at_mllp(self) -> frozenset[Digest]:
        """By which its HL7 v2 messages may be sent: its own, and those of who sends for it. Empty: without any."""
        return self.certificates | (self.mllp_door.certificates if self.mllp_door else frozenset())

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @property
    def beyond_treatment(self) -> frozenset[str]:
        """The labels that treatment alone does not release from here: by federal law, and by its own list."""
        return FEDERALLY_PROTECTED | self.special_categories

    def basis_for(self, labels: frozenset[str]) -> Basis:
        """The basis that a release of a record with these labels needs."""
        needs_form = self.requires is Basis.TREATMENT and self.form_for_unlabelled and not labels
        return Basis.AUTHORIZATION if needs_form else self.requires

    def issuer(self, said: str | None) -> str | None:
        """The issuer URI for their spelling of it; text that is already a URI stands for itself.

        None where the message names no issuer and the institution no default. Such a number identifies nobody.
        """
        if not said:
            return self.default_issuer
        if said in self.issuers:
            return self.issuers[said]
        return said if re.match(r"[a-z][a-z0-9+.-]*:", said) else f"urn:x-institution:{self.id}:{said}"

    def is_record_number(self, types: Iterable[str], issuer: str | None) -> bool:
        """Whether a number of these types by this issuer (a URI) is a medical record number, as they use the words."""
        return is_record_number(types, issuer, others=self.other_number_types)

    def issues(self, issuer: str) -> bool:
        """Whether a number of this issuer (URI) is one of the institution's own."""
        own = {*self.issuers.values(), self.default_issuer}
        return issuer in own or issuer.startswith(f"urn:x-institution:{self.id}:")

    def department(self, department: str) -> Department:
        """Raises `Unknown` where there is none of this id."""
        for known in self.departments:
            if known.id == department:
                return known
        raise Unknown(f"{self.id} has no department of that name")

    def asking_of(self, department: str) -> Asking:
        """How much this department may be asked, and when."""
        return self.department(department).asking or self.asking


class Institutions(Mapping[str, Institution]):
    """All partners, by id: those of the reviewed files, and facilities that staff added (`know`).

    A peer that maps to none of them is refused.
    """

    def __init__(self, known: Iterable[Institution]) -> None:
        """Raises `ValueError` where one token, certificate or HL7 v2 message would name two."""
        self._reviewed = {institution.id: institution for institution in known}
        self._by_id = self._reviewed
        shown = [digest for each in self._by_id.values() for digest in each.certificates]
        shown += [token.sha256 for each in self._by_id.values() for token in each.tokens]
        if len(shown) != len(set(shown)):
            raise ValueError("a token or a certificate stands in two places: a peer could not be told from another")
        at_ports: dict[int, list[tuple[Institution, MllpDoor]]] = {}
        for each in self._by_id.values():
            if each.mllp_door and each.mllp_door.port:
                at_ports.setdefault(each.mllp_door.port, []).append((each, each.mllp_door))
        self._on_shared_ports = {each.id for doors in at_ports.values() if len(doors) > 1 for each, _ in doors}
        for doors in at_ports.values():
            _check_are_told_apart(doors)

    def know(self, facilities: Iterable[Institution]) -> None:
        """From now on these are known, too, and no others besides the reviewed ones, which go before them."""
        self._by_id = {**{one.id: one for one in facilities}, **self._reviewed}

    def is_reviewed(self, institution: str) -> bool:
        """Whether a reviewed file names it."""
        return institution in self._reviewed

    def __getitem__(self, institution: str) -> Institution:
        try:
            return self._by_id[InstitutionId(institution)]
        except (KeyError, ValueError):
            raise Unknown("no such institution; see the files in institutions/") from None

    def __contains__(self, institution: object) -> bool:
        return institution in self._by_id

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_id)

    def __len__(self) -> int:
        return len(self._by_id)

    def shares_port(self, institution: str) -> bool:
        """Whether others' HL7 v2 messages come in at its port, too."""
        return institution in self._on_shared_ports

    def with_identifier(self, identifier: IssuedIdentifier) -> Institution | None:
        """The institution known by this number (an NPI, an OID), if any."""
        for institution in self._by_id.values():
            if any((i.system, i.value) == (identifier.issuer, identifier.value) for i in institution.identifiers):
                return institution
        return None


def _check_are_told_apart(doors: Iterable[tuple[Institution, MllpDoor]]) -> None:
    for (one, its), (other, theirs) in combinations(doors, 2):
        if its.meets(theirs):
            raise ValueError(
                f"{one.id} and {other.id} name one mllp_door.port, and a message could be of both: give each a "
                "sending_application or sending_facility that the other does not have, or a port of its own"
            )


def load(folder: Path, settings: Mapping[str, str], *, but: Collection[str] = ()) -> Institutions:
    """Read every `*.yaml` in `folder`, `${NAME}` replaced from `settings`, `but` some fields.

    Raises:
        ValueError: names the file, the place in it and what is wrong; values are not repeated.
    """
    states = load_states(folder / "states")
    return Institutions(load_one(path, settings, states, but=but) for path in reviewed.files(folder))


def load_one(
    path: Path, settings: Mapping[str, str], states: Mapping[str, StateList], *, but: Collection[str] = ()
) -> Institution:
    """One of these files. Raises as `load`."""

    def setting(match: re.Match[str]) -> str:
        if match[1] not in settings:
            raise ValueError(f"{path.name}: ${{{match[1]}}} is not set")
        return settings[match[1]]

    def filled(part: object) -> object:
        """Only after the file was parsed: a setting's text is never YAML."""
        if isinstance(part, dict):
            return {key: filled(value) for key, value in part.items() if part is not said or key not in but}
        if isinstance(part, list):
            return [filled(each) for each in part]
        if not isinstance(part, str):
            return part
        if is_no_setting(part):
            raise ValueError(f"{path.name}: a setting is written ${{NAME}}, in capitals, digits and _")
        return SETTING.sub(setting, part)

    try:
        said = reviewed.read(path)
    except OSError:
        raise ValueError(f"{path.name}: there is no such file that can be read") from None
    institution = reviewed.validated(Institution, with_state(filled(said), states, path.name), path.name)
    if institution.id != path.stem:
        raise ValueError(f"{path.name}: the file is not named by its id")
    return institution
