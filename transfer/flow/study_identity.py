"""Whose a study is: by what its archive lists, and by what its files say."""

from collections.abc import Iterable
from dataclasses import replace

from transfer.flow.identity import match_answer
from transfer.flow.permitted_request import PermittedRequest
from transfer.flow.services import Services
from transfer.ledger.compared import ComparedIdentity
from transfer.matching import Match, MatchVerdict
from transfer.patients import Demographics
from transfer.sources import StudyFound


def match_studies(
    services: Services, asking: PermittedRequest, studies: Iterable[StudyFound]
) -> list[tuple[StudyFound, Match]]:
    with services.ledger.transaction() as tx:
        return [
            (study, match_answer(tx, services, asking, study.patient, _source(study), study.identifiers))
            for study in studies
        ]


def _source(study: StudyFound) -> str:
    return f"study/{study.study_instance_uid}"


def compared_identity(study: StudyFound, match: Match) -> ComparedIdentity:
    return ComparedIdentity(said=study.patient, source=_source(study), match_rule=match.match_rule)


def unlike(
    services: Services, asking: PermittedRequest, study: StudyFound, stated: Iterable[Demographics]
) -> list[ComparedIdentity]:
    """What the study's files say of their patient and is not surely the patient.

    The list of the archive speaks for what a file leaves out, not for a file that names nobody.
    """
    found = []
    with services.ledger.transaction() as tx:
        for said in (_filled(one, study.patient) for one in stated):
            match = match_answer(tx, services, asking, said, _source(study))
            if match.verdict is not MatchVerdict.OURS:
                found.append(ComparedIdentity(said=said, source=_source(study), match_rule=match.match_rule))
    return found


def _filled(said: Demographics, listed: Demographics) -> Demographics:
    if not said.names and not said.identifiers:
        return said
    return replace(
        said,
        names=said.names or listed.names,
        birth_date=said.birth_date or listed.birth_date,
        sex=said.sex or listed.sex,
        identifiers=said.identifiers or listed.identifiers,
    )
