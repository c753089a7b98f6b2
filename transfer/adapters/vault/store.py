"""One bucket of an S3-compatible store as our vault.

Stores differ (they ignore checksums, conditions or encryption and say 200): we rest on nothing but PUT, multipart,
ranged GET, HEAD, DELETE and listing, keep our own SHA-256 and check it on reading.
"""

import hashlib
import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO, Final, Literal

from transfer.adapters.vault.failures import our_words
from transfer.adapters.vault.writing import PART, Writer
from transfer.errors import OutOfOrder, TransferError, Unexpected, Unknown, Unreadable
from transfer.staging import CHUNK, Location

_BASE32: Final = "abcdefghijklmnopqrstuvwxyz234567"  # RFC 4648 6, lower case
#: a key as `writer` draws it
_DRAWN: Final = re.compile(r"[0-9a-f]{2}/[a-z2-7]{26}")
#: seconds in which a store that is there connects, and then answers
ANSWER_SECONDS: Final = 2
_REMOVING: Final = "removing an object"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenUpload:
    """An upload begun and neither completed nor aborted: of a live writer, or an orphan of a dead one."""

    key: str
    upload_id: str


#: a session makes one client at a time
_making: Final = Lock()


@cache
def _session() -> Any:
    """What clients are made from: it has no connection, and no key but those that an instance is given."""
    import boto3

    return boto3.session.Session()


def _client(**how: object) -> Any:
    with _making:
        client = _session().client("s3", **how)
    client.meta.events.register_last("before-call.s3", _without_asking)
    return client


def _without_asking(params: dict[str, Any], **_: object) -> None:
    """Bytes go at once. A store that is asked first, and knows no 100-continue, is waited for: a second each time."""
    params["headers"].pop("Expect", None)


def prepare() -> None:
    """Read the descriptions of S3 that clients are made from, so that forks of this process have them.

    It connects to nowhere, and twice is once.
    """
    from botocore import UNSIGNED
    from botocore.config import Config

    _client(endpoint_url="http://127.0.0.1:9", region_name="none", config=Config(signature_version=UNSIGNED))


#: clients that were made ahead, by all that they are made of. None of them has asked anything yet
_ready: Final[dict[tuple[object, ...], Any]] = {}


class S3Vault:
    """`transfer.staging.Vault` over S3. Safe to share between threads; not across a fork.

    Args:
        endpoint: URL of the store
        access_key, secret_key: None for both: what this machine is given, as an instance's role. They are renewed
            before they lapse
        authority: PEM file of whom we trust at the store; None: as this machine trusts everybody
        addressing: the bucket in the path of a URL, or in its host name
        checksums: whether boto3 adds a CRC-32 to each upload that the store checks; `when_required` for stores that
            cannot read it (docs/operations.md, TRANSFER_S3_CHECKSUMS)
        part: bytes of a part; a writer holds two of them
        announce: told each new key before the first byte is written, so that the ledger knows what a dead writer left
    """

    def __init__(
        self,
        *,
        endpoint: str,
        region: str,
        access_key: str | None,
        secret_key: str | None,
        bucket: str,
        authority: Path | None = None,
        addressing: Literal["path", "virtual"] = "path",
        checksums: Literal["when_supported", "when_required"] = "when_supported",
        announce: Callable[[str], None] = lambda _key: None,
        part: int = PART,
    ) -> None:
        # Here, not above: boto3 takes half a second that whoever only names the vault need not pay.
        from botocore.config import Config

        self._bucket = bucket
        self._announce = announce
        self._part = part
        config = Config(
            signature_version="s3v4",
            # Without it, over http, the payload is hashed a second time for the signature.
            s3={"addressing_style": addressing, "payload_signing_enabled": False},
            request_checksum_calculation=checksums,
            response_checksum_validation="when_required",  # our own SHA-256 is checked instead
            retries={"mode": "standard", "total_max_attempts": 3},
            connect_timeout=5,
            read_timeout=60,
            max_pool_connections=16,
        )
        self._made = partial(
            _client,
            endpoint_url=endpoint,
            region_name=region,
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
            verify=str(authority) if authority else None,
        )
        self._config = config
        self._how = (endpoint, region, access_key, secret_key, authority, addressing, checksums)
        self._made_client: Any = None
        #: who asks whether the store is there wants to know within seconds, not after all that a transfer may take
        self._asking = config.merge(
            Config(
                retries={"mode": "standard", "total_max_attempts": 1},
                connect_timeout=ANSWER_SECONDS,
                read_timeout=ANSWER_SECONDS,
                max_pool_connections=1,
            )
        )
        self._asking_client: Any = None

    @property
    def _client(self) -> Any:
        """Made when it is first needed: half of all tasks need none. Two threads at once may make one each."""
        if self._made_client is None:
            self._made_client = _ready.get(self._how) or self._made(config=self._config)
        return self._made_client

    def prepare(self) -> None:
        """Make what the store is asked by, for forks of this process that have the same settings. Twice is once.

        It connects to nowhere, and this process may not use it: connections are not shared across a fork. What a
        machine's own credentials give is not made ahead, because they are asked for over the network.
        """
        if self._how in _ready or None in self._how[2:4]:
            return
        client = self._made(config=self._config)
        for call in ("get_object", "put_object", "head_object"):  # its rules for addresses are worked through once
            client.generate_presigned_url(call, Params={"Bucket": self._bucket, "Key": "none"})
        _ready[self._how] = client

    def writer(self) -> Writer:
        """A new object to write bit by bit, under a key drawn at random; used in a `with` block."""
        return Writer(self._client, self._bucket, self._drawn_key(), remove=self.remove, part=self._part)

    def _drawn_key(self) -> str:
        drawn = "".join(secrets.choice(_BASE32) for _ in range(26))  # 130 bits
        key = f"{secrets.token_hex(1)}/{drawn}"
        self._announce(key)
        return key

    def keep(self, chunks: Iterable[bytes | memoryview]) -> Location:
        with self.writer() as writer:
            for chunk in chunks:
                writer.write(chunk)
            return writer.finish()

    def keep_file(self, file: BinaryIO, length: int, sha256: str) -> Location:
        location = Location(key=self._drawn_key(), offset=0, length=length, sha256=sha256)
        try:
            file.seek(0)
            with our_words("keeping an object"):
                self._client.put_object(Bucket=self._bucket, Key=location.key, Body=file, ContentLength=length)
            if (newest := self._newest(location.key)) is None or newest["ContentLength"] != length:
                raise OutOfOrder("the object store took an object and does not have it")
        except BaseException:
            with suppress(TransferError):
                self.remove(location.key)
            raise
        return location

    def read(self, location: Location) -> Iterator[bytes]:
        sha256 = hashlib.sha256()
        for chunk in self._bytes(location, 0, location.length):
            sha256.update(chunk)
            yield chunk
        if sha256.hexdigest() != location.sha256:
            raise Unreadable("the object store gave other bytes than were kept")

    def read_range(self, location: Location, start: int, stop: int) -> Iterator[bytes]:
        if not 0 <= start <= stop <= location.length:
            raise ValueError("not a range within the location")
        return self._bytes(location, start, stop)

    def put_back(self, location: Location, chunks: Iterable[bytes]) -> None:
        if self._newest(location.key) is not None:
            if self._holds(location):
                return
            self.remove(location.key)
        with Writer(self._client, self._bucket, location.key, remove=self.remove) as writer:
            for chunk in chunks:
                writer.write(chunk)
            if writer.finish() != location:
                self.remove(location.key)
                raise Unreadable("other bytes came back than were kept")

    def _holds(self, location: Location) -> bool:
        try:
            for _ in self.read(location):
                pass
        except (Unknown, Unreadable):
            return False
        return True

    def remove(self, key: str) -> None:
        self._abort_uploads(key)
        # First by name: a listing may lag behind. With its version, so that no delete marker is made.
        for _ in range(3):
            if (newest := self._newest(key)) is None:
                break
            self._delete(key, newest.get("VersionId"))
        else:
            newest = self._newest(key)
        if versions := self._versions(key):
            for version in versions:
                self._delete(key, version)
            newest = self._newest(key)
        if newest is not None:
            raise OutOfOrder("the object store removed an object and still has it")

    def keys(self) -> Iterator[str]:
        with our_words("listing objects"):
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket):
                yield from (each["Key"] for each in page.get("Contents", ()) if _DRAWN.fullmatch(each["Key"]))

    def ensure_bucket(self) -> None:
        """Make the bucket if it is not there. Asking twice changes nothing."""
        with our_words("looking for the bucket"):
            try:
                self._client.head_bucket(Bucket=self._bucket)
                return
            except self._client.exceptions.ClientError as error:
                if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
                    raise
        with our_words("making the bucket"):
            try:
                self._client.create_bucket(Bucket=self._bucket, **self._placement())
            except (self._client.exceptions.BucketAlreadyOwnedByYou, self._client.exceptions.BucketAlreadyExists):
                self._client.head_bucket(Bucket=self._bucket)  # another process was first, or it is somebody else's

    def answers(self) -> bool:
        """Whether the store is there and takes our key. It is told within a few seconds, and asked once.

        For one thread at a time.
        """
        try:
            with our_words("looking for the bucket"):
                if self._asking_client is None:
                    self._asking_client = self._made(config=self._asking)
                self._asking_client.head_bucket(Bucket=self._bucket)
        except TransferError:
            return False
        return True

    def open_uploads(self, prefix: str = "") -> list[OpenUpload]:
        """All uploads neither completed nor aborted, those of live writers too."""
        found: list[OpenUpload] = []
        with our_words("listing open uploads"):
            pages = self._client.get_paginator("list_multipart_uploads").paginate(Bucket=self._bucket, Prefix=prefix)
            for page in pages:
                found += [OpenUpload(key=each["Key"], upload_id=each["UploadId"]) for each in page.get("Uploads", ())]
        return found

    def _bytes(self, location: Location, start: int, stop: int) -> Iterator[bytes]:
        doing = "reading an object"
        where = {"Bucket": self._bucket, "Key": location.key}
        if start == stop:  # no range names zero bytes
            with our_words(doing):
                self._client.head_object(**where)
            return
        first, last = location.offset + start, location.offset + stop - 1
        with our_words(doing):
            answer = self._client.get_object(**where, Range=f"bytes={first}-{last}")
        body = answer["Body"]
        try:
            if answer["ContentLength"] != stop - start:
                raise Unreadable("the object store holds fewer bytes than were kept")
            while chunk := _read(body):
                yield chunk
        finally:
            body.close()

    def _newest(self, key: str) -> dict[str, Any] | None:
        try:
            with our_words(_REMOVING):
                found: dict[str, Any] = self._client.head_object(Bucket=self._bucket, Key=key)
                return found
        except Unknown:
            return None

    def _versions(self, key: str) -> list[str | None]:
        """Versions and delete markers still listed under the key; none where the store knows no versions."""
        found: list[str | None] = []
        try:
            with our_words(_REMOVING):
                pages = self._client.get_paginator("list_object_versions").paginate(Bucket=self._bucket, Prefix=key)
                for page in pages:
                    listed = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
                    found += [each["VersionId"] for each in listed if each["Key"] == key]
        except Unexpected:  # 501
            return []
        return found

    def _delete(self, key: str, version: str | None) -> None:
        named = {"VersionId": version} if version else {}
        with our_words(_REMOVING):
            self._client.delete_object(Bucket=self._bucket, Key=key, **named)

    def _abort_uploads(self, key: str) -> None:
        for upload in self.open_uploads(prefix=key):
            if upload.key == key:
                self._abort(upload)

    def _abort(self, upload: OpenUpload) -> None:
        try:
            with our_words("aborting an upload"):
                self._client.abort_multipart_upload(Bucket=self._bucket, Key=upload.key, UploadId=upload.upload_id)
        except Unknown:
            pass  # completed or aborted meanwhile

    def _placement(self) -> dict[str, Any]:
        region = self._client.meta.region_name
        return {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}


def _read(body: Any) -> bytes:
    with our_words("reading an object"):
        chunk: bytes = body.read(CHUNK)
        return chunk
