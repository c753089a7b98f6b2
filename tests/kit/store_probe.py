"""What a store really does, found by trying. A 200 proves nothing: stores ignore headers they do not know."""

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from transfer.adapters.vault import S3Vault
from transfer.adapters.vault.failures import NOT_ITS_CHECKSUM, our_words
from transfer.errors import OutOfOrder, TransferError


class Support(StrEnum):
    """What came of trying."""

    KEPT = "kept"
    #: the store said yes and did not do it: the dangerous answer
    IGNORED = "ignored"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreProbe:
    """What a bucket does today. Trying writes and removes one small object; the bucket's settings are not changed.

    * `checksums`: an upload with a wrong SHA-256 is not taken
    * `credentials`: a request without a signature is not served
    * `versions`: a second write keeps the first (our keys are never written twice; removal takes all versions)
    * `lock`: a locked version cannot be deleted (for the anchors' bucket)
    * `encryption`: the store confirms encryption at rest (SSE-S3) when asked afterwards; only its word
    * `customer_keys`: bytes stored under a key of ours (SSE-C) cannot be read without it; this one is proved
    """

    checksums: Support
    credentials: Support
    versions: Support
    lock: Support
    encryption: Support
    customer_keys: Support


_BODY = b"What a store does is found by trying.\n"


def probe(vault: S3Vault, now: datetime) -> StoreProbe:
    """Try each in turn on an object of its own, which is removed at the end.

    Raises:
        OutOfOrder: the store did not answer; nothing is known.
    """
    client, target = vault._client, {"Bucket": vault._bucket, "Key": f"probe/{secrets.token_hex(13)}"}
    try:
        return StoreProbe(
            checksums=_checksums(client, target),
            credentials=_credentials(client, target),
            versions=_versions(client, target),
            lock=_lock(client, target, now),
            encryption=_encryption(client, target),
            customer_keys=_customer_keys(client, target),
        )
    finally:
        _remove_all(client, target)


def _is_taken(call: Callable[[], Any]) -> bool:
    """Whether the store says yes. No answer at all is neither; that a checksum is wrong, which we made so, is a no."""
    from botocore.exceptions import ClientError

    try:
        with our_words("trying the object store"):
            try:
                call()
            except ClientError as answered:
                if answered.response["Error"].get("Code") in NOT_ITS_CHECKSUM:
                    return False
                raise
    except OutOfOrder:
        raise
    except TransferError:
        return False
    return True


def _checksums(client: Any, target: dict[str, str]) -> Support:
    wrong = "A" * 43 + "="
    taken = _is_taken(lambda: client.put_object(**target, Body=_BODY, ChecksumSHA256=wrong))
    return Support.IGNORED if taken else Support.KEPT


def _credentials(client: Any, target: dict[str, str]) -> Support:
    import urllib3

    client.put_object(**target, Body=_BODY)
    bare = client.generate_presigned_url("get_object", Params=target).partition("?")[0]
    answer = urllib3.request("GET", bare, redirect=False, retries=False, timeout=10.0)
    return Support.IGNORED if answer.status == 200 else Support.KEPT


def _versions(client: Any, target: dict[str, str]) -> Support:
    first = client.put_object(**target, Body=_BODY).get("VersionId")
    client.put_object(**target, Body=_BODY)
    if first in (None, "null"):
        return Support.REFUSED
    kept = _is_taken(lambda: client.head_object(**target, VersionId=first))
    return Support.KEPT if kept else Support.IGNORED


def _lock(client: Any, target: dict[str, str], now: datetime) -> Support:
    """By GOVERNANCE, the mode whose lock can be lifted again to clean up."""
    locked: dict[str, Any] = {}

    def put() -> None:
        until = now + timedelta(minutes=1)
        answer = client.put_object(
            **target,
            Body=_BODY,
            ObjectLockMode="GOVERNANCE",
            ObjectLockRetainUntilDate=until,
            ChecksumAlgorithm="CRC32",
        )
        locked.update(answer)

    if not _is_taken(put):
        return Support.REFUSED
    version = {"VersionId": locked["VersionId"]} if locked.get("VersionId") else {}
    deleted = _is_taken(lambda: client.delete_object(**target, **version))
    return Support.IGNORED if deleted else Support.KEPT


def _encryption(client: Any, target: dict[str, str]) -> Support:
    if not _is_taken(lambda: client.put_object(**target, Body=_BODY, ServerSideEncryption="AES256")):
        return Support.REFUSED
    confirmed = client.head_object(**target).get("ServerSideEncryption")
    return Support.KEPT if confirmed else Support.IGNORED


def _customer_keys(client: Any, target: dict[str, str]) -> Support:
    ours = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": os.urandom(32)}
    if not _is_taken(lambda: client.put_object(**target, Body=_BODY, **ours)):
        return Support.REFUSED
    readable = _is_taken(lambda: client.get_object(**target)["Body"].read())
    return Support.IGNORED if readable else Support.KEPT


def _remove_all(client: Any, target: dict[str, str]) -> None:
    """Every version, locked ones too; what resists is lifted by its minute."""
    listed: list[str] = []
    try:
        with our_words("trying the object store"):
            page = client.list_object_versions(Bucket=target["Bucket"], Prefix=target["Key"])
            listed = [each["VersionId"] for each in (*page.get("Versions", ()), *page.get("DeleteMarkers", ()))]
    except TransferError:
        listed = []
    for version in listed:
        named = {**target, "VersionId": version}
        if not _is_taken(lambda named=named: client.delete_object(**named)):  # type: ignore[misc]
            _is_taken(lambda named=named: client.delete_object(**named, BypassGovernanceRetention=True))  # type: ignore[misc]
    if not listed:
        _is_taken(lambda: client.delete_object(**target))
