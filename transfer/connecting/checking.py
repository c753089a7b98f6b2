"""What is still wrong with an institution's file: where, what, and what to do. Nothing outside is asked."""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from pydantic import ValidationError

from transfer import center_needs, checklist, institutions, reviewed
from transfer.adapters.tls import BadFile, context
from transfer.connecting.drafts import is_placeholder
from transfer.credentials import Tls
from transfer.gateway.tls import doors_context
from transfer.institutions import Institution, Institutions
from transfer.own_forms import load_states, with_state
from transfer.patients import IssuedIdentifier
from transfer.reviewed import SETTING, NotReviewedYaml, ReviewedPart, is_no_setting
from transfer.settings import BadSetting, Settings, read

_PAGE: Final = "docs/connecting-an-institution.md says what may stand there."

_NO_YAML: Final = "Look at the spaces before that line and the one above, and at each : and -. Save it as UTF-8."

_NO_SETTING: Final = ("names no setting", "A setting is written ${NAME}, in capitals, digits and _.")

#: what keys call that nobody may read who reads the file
_SECRETS: Final = frozenset({"token", "password", "client_secret"})
_SECRET: Final = ("a secret stands in the file", "Write it into settings.env as NAME=, and ${NAME} here.")

_PLACEHOLDER: Final = ("a placeholder stands there", "Write what is so at their place.")

_IN_QUOTES: Final = ("stands in quotes, and nothing takes them away", "Take the quotes away.")
_IN_SPACES: Final = ("begins or ends with a space", "Take the space away.")

#: what pydantic says for programmers, by the type of its error: in our words, and what to do
_SAID: Final[dict[str, tuple[str, str]]] = {
    "string_type": ("it has to be text", "Write it in quotes: else digits are a number, and yes and no are none."),
    "tuple_type": ("it has to be a list", "Write it as [one, another]."),
    "frozen_set_type": ("it has to be a list", "Write it as [one, another]."),
    "union_tag_not_found": ("by is not there", "Write how it is asked: by: fhir, dicomweb, dimse, push or hand."),
    "union_tag_invalid": ("by says no way of asking", "It is fhir, dicomweb, dimse, push or hand."),
    "path_type": ("it has to be the name of a file", "Write it in quotes."),
}
#: parts whose fields pydantic names by how a department is asked, which stands as no key
_WAYS: Final = frozenset({"fhir", "dicomweb", "dimse", "push", "hand"})

#: how names of settings end that are ports of this installation
_OURS: Final = ("_HTTP", "_HEALTH", "_LISTEN", "DESK_PORT", "GATEWAY_PORT", "STORE_PORT", "AIRFLOW_PORT")

#: RFC 3986: a scheme, and something behind it; of an OID numbers and dots (RFC 3061)
_URI: Final = re.compile(r"(?!urn:oid:)[A-Za-z][A-Za-z0-9+.-]*:[!-~]+|urn:oid:[0-2](\.(0|[1-9]\d*))+")

#: signs of a name on a line of a page or a letter
_LONGEST_NAME: Final = 120

_NPI: Final = "http://hl7.org/fhir/sid/us-npi"

#: to a part of a file: keys, and numbers within lists
PathTo = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileMistake:
    """Something to be put right, with the line it stands on where that is known. Values are not repeated."""

    line: int | None
    place: str
    what: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileCheck:
    """What was found in one file. `remarks` say what could not be looked at; they are no mistakes."""

    name: str
    mistakes: tuple[FileMistake, ...]
    remarks: tuple[str, ...]
    #: None: it says no institution yet
    institution: Institution | None = field(repr=False)


def check_file(path: Path, settings: Settings, now: datetime) -> FileCheck:
    """Everything that can be seen without asking anybody. `now` is UTC, for the ends of certificates.

    The settings beside the file (`NAME.env`, as `transfer institution new` writes them) count before those of the
    installation.

    Raises:
        BadSetting: that file can be read by others, or a line of it is none.
    """
    names = {**settings.names, **_beside(path)}
    try:
        said = reviewed.read(path)
    except NotReviewedYaml as error:
        mistake = FileMistake(line=error.line, place=path.stem, what=error.problem, remedy=_NO_YAML)
        return FileCheck(name=path.name, mistakes=(mistake,), remarks=(), institution=None)
    looking = _Look(path, said, names)
    institution = looking.institution(settings.institutions / "states")
    remarks: list[str] = []
    if institution:
        looking.certificates(institution, now)
        looking.doors(institution, settings)
        looking.center(institution, settings)
        remarks += looking.others(institution, Settings(var=settings.var, names=names))
    found = sorted(looking.mistakes, key=lambda one: (one.line or 0, one.place))
    return FileCheck(name=path.name, mistakes=tuple(found), remarks=tuple(remarks), institution=institution)


def _beside(path: Path) -> Mapping[str, str]:
    return read(path.with_suffix(".env"))


class _Look:
    """One look at one file."""

    def __init__(self, path: Path, said: object, names: Mapping[str, str]) -> None:
        self.mistakes: list[FileMistake] = []
        self._path = path
        self._said: Any = said
        self._names = names
        self._lines = reviewed.lines(path)
        #: places whose setting is not there, or is none as it stands: what else is wrong with them is not said
        self._unset: set[PathTo] = set()

    def _add(self, way: Iterable[str | int], what: str, remedy: str) -> None:
        """At the line of the nearest part that stands in the file: an error names alternatives, too, which do not."""
        at: list[str | int] = []
        for step in way:
            if (*at, step) in self._lines:
                at.append(step)
        place = ".".join(map(str, way)) or self._path.stem
        told = FileMistake(line=self._lines.get(tuple(at)), place=place, what=what, remedy=remedy)
        if told not in self.mistakes:
            self.mistakes.append(told)

    def _add_first(self, way: PathTo, what: str, remedy: str) -> None:
        """Unless something is told of that place already, as a placeholder."""
        if all(one.place != ".".join(map(str, way)) for one in self.mistakes):
            self._add(way, what, remedy)

    def institution(self, states: Path) -> Institution | None:
        if self._said is None or not isinstance(self._said, dict):
            self._add(
                (), "no institution stands in it", "Write one: docs/connecting-an-institution.md says how one begins."
            )
            return None
        filled = self._filled(self._said, ())
        try:
            whole = with_state(filled, load_states(states), self._path.name)
        except ValueError:
            self._add(("state",), "there is no list of that state", "The files in states/ are the lists there are.")
            whole = {key: value for key, value in filled.items() if key != "state"}
        try:
            found = Institution.model_validate(whole)
        except ValidationError as error:
            for one in error.errors(include_input=False, include_url=False):
                way = self._stands(one["loc"]) + (("by",) if one["type"] == "union_tag_invalid" else ())
                if not self._is_unset(way):
                    what, remedy = _SAID.get(one["type"], (one["msg"].removeprefix("Value error, "), ""))
                    self._add(way, what, remedy or _remedy(one["type"], way))
            return None
        if self._path.name != f"{found.id}.yaml":
            self._add(("id",), "the file is not named by its id", f"Call the file {found.id}.yaml.")
        self._check_issuers(found)
        self._check_codes(found)
        self._check_numbers(found)
        self._check_names(found)
        return None if self._unset else found

    def _stands(self, way: PathTo) -> PathTo:
        """Without the names that pydantic has for alternatives."""
        kept: list[str | int] = []
        for step in way:
            is_way = step in _WAYS and kept[-1:] == ["asked"]
            if not is_way and not (isinstance(step, str) and "[" in step and (*kept, step) not in self._lines):
                kept.append(step)
        return tuple(kept)

    def _is_unset(self, way: PathTo) -> bool:
        """A setting is missing there, or in the part that is wrong: what it says of the whole is not known yet."""
        return any(way[: len(place)] == place or (way and place[: len(way)] == way) for place in self._unset)

    def _check_issuers(self, found: Institution) -> None:
        """A name that is no URI may be another hospital's, too: one number would then be of two people."""
        said: list[tuple[PathTo, str]] = [(("issuers", key), value) for key, value in found.issuers.items()]
        said += [(("default_issuer",), found.default_issuer)] if found.default_issuer is not None else []
        for way, text in said:
            if not _URI.fullmatch(text):
                self._add_first(way, "an issuer is a URI", "Write it as urn:oid:2.16.840.1.113883.19, or as https://….")

    def _check_codes(self, found: Institution) -> None:
        for key in found.codes:
            if "|" not in key or key != key.strip():
                self._add_first(
                    ("codes", key), "a code is written system|code", "Write both, without spaces around them."
                )

    def _check_names(self, found: Institution) -> None:
        """They stand on pages, in packets and on letters."""
        named: list[tuple[PathTo, str]] = [(("name",), found.name)]
        named += [(("departments", number, "name"), one.name) for number, one in enumerate(found.departments)]
        for way, name in named:
            if not name.strip() or not name.isprintable() or len(name) > _LONGEST_NAME:
                self._add_first(
                    way, "no name that people can read", f"Write one line, of {_LONGEST_NAME} signs at most."
                )

    def _check_numbers(self, found: Institution) -> None:
        for number, one in enumerate(found.identifiers):
            if one.system == _NPI and not _is_npi(one.value):
                self._add_first(
                    ("identifiers", number, "value"), "no NPI: ten digits, the last of which checks", "Compare."
                )

    def _filled(self, part: Any, way: PathTo) -> Any:
        """With the settings in place, and each placeholder and each setting that is not there told."""
        if isinstance(part, dict):
            for key in part:
                if isinstance(key, str) and is_placeholder(key):
                    self._add((*way, key), *_PLACEHOLDER)
            return {key: self._filled(value, (*way, key)) for key, value in part.items()}
        if isinstance(part, list):
            return [self._filled(each, (*way, number)) for number, each in enumerate(part)]
        return self._text(part, way) if isinstance(part, str) else part

    def _text(self, text: str, way: PathTo) -> str:
        for name in SETTING.findall(text):
            if name not in self._names:
                self._unset.add(way)
                self._add(
                    way, f"{name} is not set", "Write it into settings.env of the installation, or beside the file."
                )
            elif is_placeholder(self._names[name]):
                self._add(way, f"{name} still has its placeholder", f"Write its value where {name}= stands.")
            elif faulty := _faulty(self._names[name]):
                self._unset.add(way)
                self._add(way, f"{name} {faulty[0]}", faulty[1])
        if is_placeholder(text):
            self._add(way, *_PLACEHOLDER)
        elif is_no_setting(text):
            self._add(way, *_NO_SETTING)
        elif text and way[-1] in _SECRETS and SETTING.sub("", text):
            self._add(way, *_SECRET)
        return SETTING.sub(lambda found: self._names.get(found[1], ""), text)

    def certificates(self, institution: Institution, now: datetime) -> None:
        """What it names under `tls` can be read and has not ended."""
        shown: list[tuple[PathTo, Tls]] = [
            (("departments", number, "asked", "tls"), tls)
            for number, one in enumerate(institution.departments)
            if (tls := getattr(one.asked, "tls", None))
        ]
        if institution.receives and institution.receives.tls:
            shown.append((("receives", "tls"), institution.receives.tls))
        for way, tls in shown:
            for name, path in tls:
                if path and not path.is_absolute():
                    self._add((*way, name), "not the whole name of a file", "Write it from / on; ~ is not read.")
            try:
                context(tls)
            except BadFile as error:
                self._add(way, str(error), "It is a PEM file that this account can read; a key is 0600.")
                continue
            for name, ended in _ended(tls, now):
                self._add(
                    (*way, name), f"its certificate ended on {ended:%Y-%m-%d}", "Put the renewed one in its place."
                )
            if tls.certificate and (begins := _read(tls.certificate)[0].not_valid_before_utc) > now:
                self._add(
                    (*way, "certificate"), f"its certificate begins on {begins:%Y-%m-%d}", "Show the one before it."
                )

    def doors(self, institution: Institution, settings: Settings) -> None:
        """The installation's doors can do what the file wants of them."""
        if institution.mllp_door and institution.mllp_door.port == 0:
            self._add(("mllp_door", "port"), "a port is 1 to 65535", "Take one that is free: senders have to know it.")
        if institution.mllp_door and (port := institution.mllp_door.port):
            for name in sorted(settings.names):
                if name.endswith(_OURS) and settings.names[name].rpartition(":")[2] == str(port):
                    self._add(("mllp_door", "port"), f"{name} has this port, too", "Take another port here.")
        if "TRANSFER_GATEWAY_HTTP" not in settings.names:
            return
        try:
            doors_context(settings, {institution.id: institution})
        except BadSetting as error:
            what, _, remedy = str(error).partition(". ")
            at = ("certificates",) if institution.certificates else ("mllp_door", "certificates")
            self._add(at, what, remedy)

    def center(self, institution: Institution, settings: Settings) -> None:
        """What a center wants is on our checklists."""
        if institution.receives:
            try:
                center_needs.check(institution.receives.needs, institution.id, checklist.load(settings.checklists))
            except ValueError as error:
                self._add(("receives", "needs"), str(error), _PAGE)

    def others(self, institution: Institution, settings: Settings) -> Iterator[str]:
        """Nothing in it is another institution's, too. Remarks where the others could not be read."""
        here = settings.institutions / f"{institution.id}.yaml"
        if here.exists() and not here.samefile(self._path):
            self._add(("id",), "another file has this id", f"Take another id, or edit {here.name} there.")
        try:
            known = institutions.load(settings.institutions, settings.names)
        except ValueError as error:
            yield f"not compared with the other institutions, whose files are not right: {error}"
            return
        rest = [one for one in known.values() if one.id != institution.id]
        try:
            Institutions([*rest, institution])
        except ValueError as error:
            self._add((), str(error), "Change it here or there.")
        among = Institutions(rest)
        for number, one in enumerate(institution.identifiers):
            if other := among.with_identifier(IssuedIdentifier(one.system, one.value)):
                self._add(
                    ("identifiers", number), f"{other.id} has this number, too", "A number names one institution."
                )


def _ended(tls: Tls, now: datetime) -> Iterator[tuple[str, datetime]]:
    for name, path in (("authority", tls.authority), ("certificate", tls.certificate)):
        if path:
            ends = [one.not_valid_after_utc for one in _read(path)]
            # of several authorities one that still holds is enough
            if ends and (latest := max(ends) if name == "authority" else ends[0]) < now:
                yield name, latest


def _read(path: Path) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(path.read_bytes())


def _faulty(value: str) -> tuple[str, str] | None:
    """What is wrong with a setting whatever it is for: a shell would have taken these away, and nothing here does."""
    if value != value.strip():
        return _IN_SPACES
    return _IN_QUOTES if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" else None


def _is_npi(number: str) -> bool:
    """Ten digits; Luhn's algorithm over them behind 80840 (45 CFR 162.406; ISO/IEC 7812-1, annex B)."""
    if not (number.isascii() and number.isdigit() and len(number) == 10):
        return False
    doubled = (int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(f"80840{number}")))
    return sum(each // 10 + each % 10 for each in doubled) % 10 == 0


def _remedy(kind: str, way: PathTo) -> str:
    """By the type of pydantic's error."""
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(str(way[-1]), sorted(_fields(ReviewedPart)), n=1)
        return f"There is no such key: is {near[0]} meant?" if near else "There is no such key: take it out."
    if kind == "missing":
        return f"Write it. {_PAGE}"
    return _PAGE


def _fields(part: type[ReviewedPart]) -> set[str]:
    found = set(part.model_fields)
    return found.union(*(_fields(one) for one in part.__subclasses__()))
