"""One drawn Consent, judged by the product and by the naive evaluator."""

import json
import random
from datetime import date
from pathlib import Path
from typing import Final

from tests.campaigns.provisions import drawn, naive
from tests.campaigns.provisions.drawn import DrawnRelease, Tree
from transfer import institutions
from transfer.adapters.fhir import inbound
from transfer.identifiers import InstitutionId
from transfer.partial_dates import day_said
from transfer.permissions import Release
from transfer.permissions.provisions import outcomes
from transfer.records import RecordKind

FORMS: Final = Path(__file__).parents[2] / "samples" / "consents"
PARTNERS: Final = institutions.load(FORMS / "institutions", {})
COMPLETE: Final = json.loads((FORMS / "c000.json").read_text())
#: releases held against each tree
RELEASES: Final = 5


def product(consent: Tree, release: DrawnRelease) -> set[str | None]:
    """What the product says of it, read from its JSON."""
    body = json.dumps({**COMPLETE, **consent}).encode()
    form = inbound.authorization(body, PARTNERS["lakeside"], PARTNERS)
    asked = Release(
        discloser=InstitutionId(release.discloser),
        recipient=InstitutionId(release.recipient),
        kinds=frozenset({RecordKind(release.kind)}),
        purpose=release.purpose,
        labels=frozenset(release.labels),
        dated=day_said(release.dated),
    )
    said = outcomes(form.provision, asked, date.fromisoformat(naive.TODAY))
    return {None if one is None else str(one) for one in said}


def disagreements(draw: random.Random) -> list[tuple[Tree, DrawnRelease, set[str | None], set[str | None]]]:
    """One tree and some releases: those on which the two differ."""
    consent = drawn.consent(draw)
    releases = [drawn.release(draw) for _ in range(RELEASES)]
    judged = [(consent, one, product(consent, one), naive.possible(consent, one)) for one in releases]
    return [one for one in judged if one[2] != one[3]]
