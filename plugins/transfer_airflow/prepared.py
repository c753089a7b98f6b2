"""What every task would make before its work: made once, in what tasks are forks of.

Nothing of it holds a connection or anything of a patient. Of keys it holds the one by which the store is asked: it
stands in the settings of this process, too.
"""

import importlib

from transfer import checklist, codec, logs, versions, wiring
from transfer.adapters import vault
from transfer.flow.checking import partners
from transfer.ledger import migrate
from transfer.ledger.patients import Identity
from transfer.ledger.records import About
from transfer.patients import Demographics
from transfer.permissions.forms import Authorization

#: of FHIR R4, what referrals, forms, documents and answers are made of. Their library loads a type when it meets it,
#: and builds its checks then
FHIR_TYPES = (
    *(
        "address",
        "annotation",
        "attachment",
        "binary",
        "bundle",
        "codeableconcept",
        "coding",
        "composition",
    ),
    *("condition", "consent", "contactpoint", "diagnosticreport", "documentreference", "endpoint", "extension"),
    *("humanname", "identifier", "list", "meta", "narrative", "observation", "organization", "patient", "period"),
    *("practitioner", "practitionerrole", "quantity", "reference", "servicerequest", "specimen", "task"),
)


def prepare() -> None:
    """Raises whatever keeps it from being made; a task that needs it says so where it is seen."""
    for name in FHIR_TYPES:
        importlib.import_module(f"fhir.resources.R4B.{name}")
    codec.prepare(About, Authorization, Demographics, Identity)
    logs.prepare()
    migrate.known()
    vault.prepare()
    versions.ours()
    settings = wiring.load_settings()
    checklist.load(settings.checklists)
    partners(settings.institutions)  # without what reaches them: no secret is kept
    if "TRANSFER_S3_ENDPOINT" in settings.names:
        wiring.vault(settings).prepare()
