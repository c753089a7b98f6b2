"""The fields of a paper form as a release form in our words."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from transfer.adapters.paper.fields import (
    OTHER,
    Extent,
    FormKind,
    Illegible,
    PaperExpiration,
    PaperFields,
    PaperInformation,
    PaperPatient,
    PaperRefusal,
    PaperSignature,
    PaperStatements,
    parse,
)
from transfer.errors import Unreadable
from transfer.identifiers import InstitutionId
from transfer.institutions import Institution, Institutions
from transfer.patients import Demographics, IssuedIdentifier, PersonName
from transfer.permissions import Action, Authorization, Finding, FormStatus, Provision, ProvisionType, Statement
from transfer.permissions.disputes import Dispute
from transfer.records import RecordKind

#: a form that names special categories beside its ordinary records releases these, too (v3-Confidentiality)
_ORDINARY: Final = "N"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperForm:
    """The form, and who looked at its signature. `doubts`: what no rule can carry; then it is a person's."""

    form: Authorization
    doubts: tuple[Finding, ...]
    disputes: frozenset[Dispute]
    signature: PaperSignature | None


def read(text: bytes, sender: Institution, institutions: Institutions) -> PaperForm:
    """The form that the fields describe. `sender` is who brought it: its issuer numbers the form.

    A refusal that no rule can carry refuses everything between the parties that it names: a "no" is never too unclear.

    Raises:
        TooLarge, Unreadable: the fields are not as the template has them; the error names the field.
    """
    fields = parse(text)
    reader = _Reader(institutions)
    root = reader.root(fields)
    signature = fields.signature
    signed_on = reader.day(signature.dated) if signature else None
    expires = fields.expires
    if signature and signature.kind.is_doubtful:
        reader.doubts.add(Finding.SIGNATURE_DOUBTED)
    if fields.other_terms == "present":
        reader.doubts.add(Finding.WORDS_SAY_MORE)
    if fields.form is FormKind.REFUSAL and reader.doubts:
        root = Provision(
            type=ProvisionType.DENY,
            disclosers=root.disclosers,
            other_disclosers=root.other_disclosers,
            recipients=root.recipients,
            other_recipients=root.other_recipients,
        )
        reader.doubts.clear()
    form = Authorization(
        patient=_patient(fields.patient),
        reference=_issued(fields.number, sender),
        status=FormStatus.ACTIVE,
        provision=root,
        described=fields.information is not None,
        expires_event=expires.event if expires else None,
        event_occurred=False,
        signed_by=signature.by if signature else None,
        signed_on=signed_on,
        verified_on=frozenset({signature.looked_at_on}) if signature else frozenset(),
        representative_authority=signature.authority if signature else None,
        statements=_statements(fields.statements),
        replaces=_issued(fields.replaces, sender),
        names=frozenset({fields.printed_number} if fields.printed_number else ()),
    )
    return PaperForm(form=form, doubts=tuple(sorted(reader.doubts)), disputes=fields.disputes, signature=signature)


def _patient(said: PaperPatient) -> Demographics:
    names = (PersonName(family=said.family, given=said.given or ()),) if said.family else ()
    return Demographics(names=names, birth_date=said.birth_date)


def _statements(said: PaperStatements) -> frozenset[Statement]:
    found = {
        Statement.REVOKE: said.revoke,
        Statement.CONDITION: said.condition,
        Statement.REDISCLOSE: said.redisclose,
    }
    return frozenset(statement for statement, word in found.items() if word == "found")


def _issued(number: str | None, sender: Institution) -> IssuedIdentifier | None:
    """A form's own number counts with who gave it. Paper names no issuer: it is the sender's."""
    return IssuedIdentifier(issuer=f"urn:x-institution:{sender.id}:paper-form", value=number) if number else None


class _Reader:
    """Makes the tree, and notes in `doubts` what no rule can carry."""

    def __init__(self, institutions: Institutions) -> None:
        self._institutions = institutions
        self.doubts: set[Finding] = set()

    def root(self, fields: PaperFields) -> Provision:
        is_release = fields.form is FormKind.RELEASE
        disclosers, other_disclosers = self._parties(fields.released_by, "released_by", is_permit=is_release)
        recipients, other_recipients = self._parties(fields.released_to, "released_to", is_permit=is_release)
        starts_on, ends_on = self.day(fields.starts_on), self._end(fields.expires)
        if not is_release:
            self._note_no_time(starts_on, ends_on)
        root = Provision(
            type=ProvisionType.PERMIT if is_release else ProvisionType.DENY,
            starts_on=starts_on,
            ends_on=ends_on,
            disclosers=disclosers,
            other_disclosers=other_disclosers,
            recipients=recipients,
            other_recipients=other_recipients,
            actions=frozenset({Action.DISCLOSE}),
            purposes=self._codes(fields.purposes or ()),
            provisions=tuple(self._refusal(one, number) for number, one in enumerate(fields.refuses)),
        )
        return self._about(root, fields.information) if fields.information else root

    def _about(self, root: Provision, said: PaperInformation) -> Provision:
        if not said.ordinary and not said.special:
            raise Unreadable("fields: information: a form that releases neither ordinary nor special records")
        special = self._codes(said.special)
        # A refusal of everything is one of the special records, too: a filter would let the others through.
        is_filter = bool(special) and (root.type is ProvisionType.PERMIT or not said.ordinary)
        data_from, data_until = self.day(said.dated_from), self.day(said.dated_until)
        if root.type is ProvisionType.DENY:
            self._note_no_time(data_from, data_until)
        return replace(
            root,
            kinds=self._kinds(said.records),
            labels=(special | ({_ORDINARY} if said.ordinary else frozenset())) if is_filter else frozenset(),
            data_from=data_from,
            data_until=data_until,
        )

    def _note_no_time(self, begins: date | None, ends: date | None) -> None:
        """A refusal that ends before it begins meant something, and nobody can tell what."""
        if begins and ends and ends < begins:
            self.doubts.add(Finding.DATE_UNREADABLE)

    def _refusal(self, said: PaperRefusal, number: int) -> Provision:
        place = f"refuses.{number}"
        disclosers, other_disclosers = self._parties(said.released_by, f"{place}.released_by", is_permit=False)
        recipients, other_recipients = self._parties(said.released_to, f"{place}.released_to", is_permit=False)
        return Provision(
            type=ProvisionType.DENY,
            disclosers=disclosers,
            other_disclosers=other_disclosers,
            recipients=recipients,
            other_recipients=other_recipients,
            kinds=self._kinds(said.records),
            labels=self._codes(said.special),
        )

    def day(self, said: date | Illegible | None) -> date | None:
        if isinstance(said, Illegible):
            self.doubts.add(Finding.DATE_UNREADABLE)
            return None
        return said

    def _end(self, said: PaperExpiration | None) -> date | None:
        return self.day(said.dated) if said else None

    def _codes(self, said: Iterable[str]) -> frozenset[str]:
        if OTHER in said:
            self.doubts.add(Finding.CODE_UNKNOWN)
        return frozenset(said) - {OTHER}

    def _kinds(self, said: Extent | tuple[RecordKind, ...]) -> frozenset[RecordKind] | None:
        """None: all records, or what a doubt is about."""
        if said is Extent.SINGLE:
            self.doubts.add(Finding.SINGLE_RECORDS_NAMED)
        if said in (Extent.ALL, Extent.SINGLE):
            return None
        if RecordKind.OTHER in said:
            self.doubts.add(Finding.CODE_UNKNOWN)
        return frozenset(said)

    def _parties(
        self, said: tuple[str, ...] | None, place: str, *, is_permit: bool
    ) -> tuple[frozenset[InstitutionId], bool]:
        """The partners named, and whether somebody is named who is none of them."""
        if said is not None and not said:
            raise Unreadable(f"fields: {place}: an empty list; name somebody, or say that it is missing")
        for number, one in enumerate(said or ()):
            if one != OTHER and one not in self._institutions:
                raise Unreadable(f"fields: {place}.{number}: no institution of ours; write {OTHER} where it is none")
        others = OTHER in (said or ())
        if others and is_permit:
            self.doubts.add(Finding.PARTY_UNKNOWN)
        return frozenset(InstitutionId(one) for one in said or () if one != OTHER), others
