"""What is still wrong with an institution's file: where, what, and what to do. Nothing outside is asked."""

import difflib
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

#: how names of settings end that are ports of this installation
_OURS: Final = ("_HTTP", "_HEALTH", "_LISTEN", "DESK_PORT", "GATEWAY_PORT", "STORE_PORT", "AIRFLOW_PORT")

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
        #: places whose setting is not there: what else is wrong with them is not said
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
                if not self._is_unset(one["loc"]):
                    self._add(one["loc"], one["msg"].removeprefix("Value error, "), _remedy(one["type"], one["loc"]))
            return None
        if found.id != self._path.stem:
            self._add(("id",), "the file is not named by its id", f"Call the file {found.id}.yaml.")
        return None if self._unset else found

    def _is_unset(self, way: PathTo) -> bool:
        return any(tuple(step for step in way if step in place)[: len(place)] == place for place in self._unset)

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
        if is_placeholder(text):
            self._add(way, *_PLACEHOLDER)
        elif is_no_setting(text):
            self._add(way, *_NO_SETTING)
        elif text and way[-1] in _SECRETS and not SETTING.search(text):
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
            try:
                context(tls)
            except BadFile as error:
                self._add(way, str(error), "It is a PEM file that this account can read; a key is 0600.")
                continue
            for name, ended in _ended(tls, now):
                self._add(
                    (*way, name), f"its certificate ended on {ended:%Y-%m-%d}", "Put the renewed one in its place."
                )

    def doors(self, institution: Institution, settings: Settings) -> None:
        """The installation's doors can do what the file wants of them."""
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
            ends = [one.not_valid_after_utc for one in x509.load_pem_x509_certificates(path.read_bytes())]
            # of several authorities one that still holds is enough
            if ends and (latest := max(ends) if name == "authority" else ends[0]) < now:
                yield name, latest


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
