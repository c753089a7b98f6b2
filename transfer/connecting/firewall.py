"""Who calls whom, at which port, by TLS or not: for the people who open firewalls on both sides."""

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from transfer.connecting.handouts import Handout, HandoutPart
from transfer.institutions import Department, DicomwebSource, DimseSource, FhirSource, Institution
from transfer.settings import Settings

_HEADINGS: Final = ("who calls", "whom", "port", "by", "TLS")
_US: Final = "this installation"

Line = tuple[str, str, str, str, str]


def firewall_sheet(institution: Institution, settings: Settings) -> Handout:
    """One line for each connection there will be, from its file and the settings of this installation."""
    theirs = tuple(_they_call(institution, settings))
    ours = tuple(line for one in institution.departments for line in _we_call(one, institution))
    if institution.receives and (endpoint := institution.receives.endpoint):
        ours += (_by_url(institution, endpoint[0], "FHIR R4: packets (IHE MHD ITI-65)"),)
    return Handout(
        name=f"{institution.id}-firewall",
        title=f"Firewall sheet: {institution.name}",
        parts=(
            HandoutPart(
                heading="From them to us",
                sentences=("Allow these from their addresses to ours.",)
                if theirs
                else ("None: they call nobody here.",),
                headings=_HEADINGS,
                rows=theirs,
            ),
            HandoutPart(
                heading="From us to them",
                sentences=(
                    "Allow these from the addresses by which our Airflow workers and gateway leave our network. Our "
                    "network people know them."
                    if ours
                    else "None: we call nobody there by a network.",
                ),
                headings=_HEADINGS,
                rows=ours,
            ),
            HandoutPart(
                heading="Nothing else",
                sentences=(
                    "Both sides open the connections above and no others. Answers come back over the same one: no "
                    "archive connects to us to send its images.",
                ),
            ),
        ),
    )


def _they_call(institution: Institution, settings: Settings) -> Iterator[Line]:
    if institution.http_door or institution.receives:
        url = settings.names.get("TRANSFER_PUBLIC_URL") or ""
        at = urlsplit(url)
        host = at.hostname or "not set yet: TRANSFER_PUBLIC_URL"
        port = str(at.port or (443 if at.scheme == "https" else 80)) if at.hostname else "-"
        yield (
            institution.name,
            host,
            port,
            "HTTP: FHIR R4, and pages for people",
            _tls_at_http(institution, settings, at.scheme),
        )
    if door := institution.mllp_door:
        host = (
            settings.names.get("TRANSFER_GATEWAY_HTTP", "").rpartition(":")[0] or "not set yet: TRANSFER_GATEWAY_HTTP"
        )
        sender = ", ".join(map(str, door.addresses)) or institution.name
        yield sender, host.strip("[]"), str(door.port), "HL7 v2 over MLLP", _tls_at_mllp(institution, settings)


def _tls_at_http(institution: Institution, settings: Settings, scheme: str) -> str:
    if scheme == "http":
        return "no: this machine alone"
    shown = "; they show a client certificate" if institution.certificates else ""
    where = ", ended by a proxy of ours" if settings.tls_terminated else ""
    return f"1.2 or newer{where}{shown}"


def _tls_at_mllp(institution: Institution, settings: Settings) -> str:
    if settings.tls_certificate is None:
        return "ended by a proxy of ours" if settings.tls_terminated else "no: this machine alone"
    return "1.2 or newer" + ("; they show a client certificate" if institution.certificates_at_mllp else "")


def _we_call(department: Department, institution: Institution) -> Iterator[Line]:
    match department.asked:
        case FhirSource(base_url=url):
            yield _by_url(institution, url, "FHIR R4: searches and reads")
        case DicomwebSource(base_url=url):
            yield _by_url(institution, url, "DICOMweb: QIDO-RS, WADO-RS")
        case DimseSource() as asked:
            tls = "no" if asked.is_plain else f"1.2 or newer{_shown(asked.tls is not None and asked.tls.certificate)}"
            yield _US, asked.host, str(asked.port), f"DICOM: C-FIND, C-GET at {asked.called_ae_title}", tls


def _by_url(institution: Institution, url: str, by: str) -> Line:
    at = urlsplit(url)
    port = at.port or (443 if at.scheme == "https" else 80)
    shown = any(getattr(one.asked, "tls", None) and one.asked.tls.certificate for one in institution.departments)  # type: ignore[union-attr]
    return _US, at.hostname or "", str(port), by, f"1.2 or newer{_shown(shown)}" if at.scheme == "https" else "no"


def _shown(shows: object) -> str:
    return "; we show a client certificate" if shows else ""
