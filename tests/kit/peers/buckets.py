"""Vaults on buckets of their own, in stores that know versions and locks."""

from collections.abc import Iterator
from itertools import count
from typing import Literal

from tests.kit.peers.rgw import Rgw
from tests.kit.peers.versitygw import Versitygw
from transfer.adapters.vault import S3Vault

MiB = 1 << 20
_numbers = count()


def checksums_of(store: Versitygw | Rgw) -> Literal["when_supported", "when_required"]:
    """Over TLS Ceph's gateway refuses boto3's checksums (MissingContentLength), so it is set up without them."""
    return "when_supported" if isinstance(store, Versitygw) else "when_required"


def a_vault(store: Versitygw | Rgw, *, locks: bool = False, versions: bool = False) -> S3Vault:
    """On a bucket of its own."""
    bucket = f"bucket-{next(_numbers)}"
    vault = S3Vault(
        endpoint=store.endpoint,
        region="us-east-1",
        access_key=store.access_key,
        secret_key=store.secret_key,
        bucket=bucket,
        checksums=checksums_of(store),
    )
    vault._client.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=locks)
    if versions:
        vault._client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return vault


def left(vault: S3Vault) -> list[str]:
    """Every version and delete marker of the bucket."""
    listed = vault._client.list_object_versions(Bucket=vault._bucket)
    return [each["Key"] for kind in ("Versions", "DeleteMarkers") for each in listed.get(kind, ())]


def chunks(length: int) -> Iterator[bytes]:
    return (bytes([number % 251]) * MiB for number in range(length // MiB))
