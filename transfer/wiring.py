"""The one place that connects: settings in, the outside out."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

from transfer import checklist, institutions
from transfer.adapters.dicomweb import DicomwebClient
from transfer.adapters.fhir.receiver import ReceiverClient
from transfer.adapters.fhir.source import FhirSourceClient
from transfer.adapters.keys import FolderKeys
from transfer.adapters.packet.signature import KeySigner, new_key
from transfer.adapters.vault import S3Vault
from transfer.facts import Origin
from transfer.flow.edges import Edges
from transfer.ledger import Ledger
from transfer.ledger.purging import announce
from transfer.sealing import SITE
from transfer.settings import Settings


def origin(process: str, **more: object) -> Origin:
    """Who writes, and with which version of the code."""
    return Origin(process=process, code=metadata.version("records-transfer"), **more)  # type: ignore[arg-type]


def ledger(settings: Settings, by: Origin, *, connections: int = 4) -> Ledger:
    """The ledger alone, for who needs nothing else of the outside."""
    return Ledger(settings.database_url, FolderKeys(settings.keys), by, connections=connections)


@contextmanager
def connect(settings: Settings, by: Origin, *, connections: int = 4) -> Iterator[Edges]:
    """Connect to everything a verb may touch; connections are made when first used."""
    book = ledger(settings, by, connections=connections)
    vault = S3Vault(
        endpoint=settings.s3_endpoint,
        region=settings.s3_region,
        access_key=settings.s3_access_key,
        secret_key=settings.s3_secret_key,
        bucket=settings.s3_bucket,
        checksums=settings.s3_checksums.value,
        announce=lambda key: announce(book, key),
    )
    try:
        yield Edges(
            ledger=book,
            vault=vault,
            institutions=institutions.load(settings.institutions, settings.names),
            checklists=checklist.load(settings.checklists),
            signer=signer(settings),
            public_url=settings.public_url,
            # The site's own number as a source of documents, from its random key: stable, and nobody else's.
            source_id=uuid.UUID(bytes=book.keys.hmac(SITE, b"source")[:16]).urn,
            ask_fhir=lambda source: FhirSourceClient(source.base_url, source.token),
            ask_archive=lambda source: DicomwebClient(
                source.base_url, source.token, user=source.user, password=source.password
            ),
            hand_to=lambda receiving: ReceiverClient(receiving.fhir_url, receiving.token),
        )
    finally:
        book.close()


def signer(settings: Settings) -> KeySigner:
    """The key packets are signed with, made at first use."""
    path: Path = settings.keys / "signer.pem"
    if not path.exists():
        try:
            return new_key(path)
        except FileExistsError:
            pass  # another process was first
    return KeySigner.from_file(path)


def load_settings() -> Settings:
    """The settings of this process's environment."""
    return Settings.load(os.environ)
