"""Writing one object whose length is not known beforehand, with flat memory.

Up to one part an object is one PUT; beyond it a multipart upload. Two parts are in memory whatever the length: one is
on its way while the other fills, or both are. They are large, for each costs the store work beside that of its bytes.
Our SHA-256 runs over each part while it is on its way. The payload is not signed, because SigV4 would run another over
the same bytes (https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html, UNSIGNED-PAYLOAD).
"""

import hashlib
import io
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from mmap import MADV_HUGEPAGE, MADV_NOHUGEPAGE, MAP_ANONYMOUS, MAP_PRIVATE, mmap
from types import TracebackType
from typing import Any, Final, Self

from transfer.adapters.vault.failures import our_words
from transfer.errors import OutOfOrder, TooLarge, TransferError, Unknown
from transfer.staging import Location

PART: Final = 20 << 20
#: the least that S3 takes as a part: for a process that has many things in hand
SMALL_PART: Final = 5 << 20
IN_FLIGHT: Final = 2
#: most objects are documents: so much of a part's room is cleared by the small page, the rest by the huge one
_SMALL_PAGES: Final = 2 << 20
#: an object up to so many bytes is confirmed by the MD5 in the store's answer; of a larger one asking costs less
_CONFIRMED: Final = 1 << 20
#: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html; a store with a lower bound refuses by itself
MOST_PARTS: Final = 10_000

_KEEPING = "keeping an object"


class Writer:
    """One object being written, by one thread. Leaving the `with` block without `finish()` leaves nothing behind."""

    def __init__(self, client: Any, bucket: str, key: str, *, remove: Callable[[str], None], part: int = PART) -> None:
        self._client = client
        self._target = {"Bucket": bucket, "Key": key}
        self._remove = remove
        self._sha256 = hashlib.sha256()
        self._length = 0
        self._size = part
        self._part = _Part(part)
        self._spare: list[_Part] = []
        self._upload: Future[str] | None = None
        # Its threads start with the first part sent.
        self._sender = ThreadPoolExecutor(IN_FLIGHT, thread_name_prefix="vault")
        # One thread, for a hash is of bytes in their order; it does not hold the interpreter while it computes.
        self._hasher = ThreadPoolExecutor(1, thread_name_prefix="vault-hash")
        self._on_their_way: deque[Future[dict[str, Any]]] = deque()
        self._parts: list[dict[str, Any]] = []
        self._may_exist = False
        self._finished = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if not self._finished:
                self._abort()
        finally:
            self._sender.shutdown()
            self._hasher.shutdown()

    @property
    def length(self) -> int:
        """Bytes written so far."""
        return self._length

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Take the bytes; the caller may reuse its buffer at once. Blocks while two full parts are on their way.

        Raises:
            OutOfOrder: a part was not taken; the object cannot be finished any more.
        """
        view = memoryview(data).cast("B")
        self._length += len(view)
        while view:
            if self._part.is_full:
                self._make_room()
            view = view[self._part.take(view) :]

    def _make_room(self) -> None:
        self._send_part()
        if len(self._on_their_way) == IN_FLIGHT:
            self._await_part()
        # Used again: fresh memory would have to be cleared by the kernel for every part.
        self._part = self._spare.pop() if self._spare else _Part(self._size)
        self._part.clear()

    def finish(self) -> Location:
        """Complete the object and be sure that it is there: a store may answer 200 and have nothing.

        Of a small object it is enough that the store names the MD5 of these bytes: it has had them all. Else it is
        asked whether it has the object in its length.

        Raises:
            OutOfOrder: it is not there, or not in its length; nothing is kept.
        """
        if self._upload is not None:
            self._complete(self._upload)
            self._read_back()
        elif not self._put():
            self._read_back()
        self._finished = True
        return Location(key=self._target["Key"], offset=0, length=self._length, sha256=self._sha256.hexdigest())

    def _send_part(self) -> None:
        if self._upload is None:  # beside the part that fills next
            self._upload = self._sender.submit(self._open)
        number = len(self._parts) + len(self._on_their_way) + 1
        if number > MOST_PARTS:
            raise TooLarge(f"an object may have {MOST_PARTS * self._size} bytes")
        hashed = self._hasher.submit(self._sha256.update, self._part.filled)
        self._on_their_way.append(self._sender.submit(self._upload_part, self._upload, number, self._part, hashed))

    def _open(self) -> str:
        with our_words(_KEEPING):
            upload: str = self._client.create_multipart_upload(**self._target, **self._checksum)["UploadId"]
            return upload

    @property
    def _checksum(self) -> dict[str, str]:
        """What boto3 adds to each part. A store may take it with the parts and refuse it on completion, unless the
        upload was opened with it (versitygw 1.7).
        """
        is_added = self._client.meta.config.request_checksum_calculation == "when_supported"
        return {"ChecksumAlgorithm": "CRC32"} if is_added else {}

    def _upload_part(self, upload: Future[str], number: int, part: "_Part", hashed: Future[None]) -> dict[str, Any]:
        upload_id = upload.result()
        with our_words(_KEEPING):
            said = self._client.upload_part(**self._target, UploadId=upload_id, PartNumber=number, Body=part)
        hashed.result()  # before other bytes are there
        self._spare.append(part)
        # S3 wants the part's checksum again on completion if one was sent with the part.
        named = ("ETag", "ChecksumCRC32")
        return {"PartNumber": number, **{name: said[name] for name in named if name in said}}

    def _await_part(self) -> None:
        self._parts.append(self._on_their_way.popleft().result())

    def _put(self) -> bool:
        """Whether the answer confirms the bytes."""
        body = bytearray(self._part.filled)  # of `bytes` boto3 makes a file, and asks the store before it sends one
        self._sha256.update(body)
        self._may_exist = True
        with our_words(_KEEPING):
            said = self._client.put_object(**self._target, Body=body)
        return len(body) <= _CONFIRMED and is_md5_of(body, said.get("ETag"))

    def _complete(self, upload: Future[str]) -> None:
        if self._part.filled:
            self._send_part()
        while self._on_their_way:
            self._await_part()
        self._may_exist = True
        # "No such upload" is what a repeated completion is told whose first answer was lost: reading back decides.
        with suppress(Unknown), our_words(_KEEPING):
            self._client.complete_multipart_upload(
                **self._target, UploadId=upload.result(), MultipartUpload={"Parts": self._parts}
            )

    def _read_back(self) -> None:
        try:
            with our_words("reading back an object"):
                there = self._client.head_object(**self._target)["ContentLength"]
        except Unknown:
            there = None
        if there != self._length:
            raise OutOfOrder("the object store took an object and does not have it")

    def _abort(self) -> None:
        """What cannot be aborted now (the store is down) stays an open upload, which removing the key aborts."""
        for future in self._on_their_way:
            future.cancel()
        for future in self._on_their_way:
            if not future.cancelled():
                future.exception()  # a part that lands after the abort would stay for good
        with suppress(TransferError):
            if self._upload is not None:
                upload_id = self._upload.result()
                with our_words("aborting an upload"):
                    self._client.abort_multipart_upload(**self._target, UploadId=upload_id)
        with suppress(TransferError):
            if self._may_exist:
                self._remove(self._target["Key"])


class _Part:
    """Room for the bytes of one part, and the file that boto3 reads them from: it takes no view of memory.

    The room is the kernel's own, cleared where it is first touched and nowhere twice, and given back at once.
    """

    def __init__(self, size: int) -> None:
        self._room = mmap(-1, size, flags=MAP_PRIVATE | MAP_ANONYMOUS)
        with suppress(OSError):  # a kernel without huge pages
            self._room.madvise(MADV_NOHUGEPAGE, 0, min(size, _SMALL_PAGES))
            if size > _SMALL_PAGES:
                self._room.madvise(MADV_HUGEPAGE, _SMALL_PAGES, size - _SMALL_PAGES)
        self._length = self._at = 0

    @property
    def is_full(self) -> bool:
        return self._length == len(self._room)

    @property
    def filled(self) -> memoryview:
        return memoryview(self._room)[: self._length]

    def take(self, data: memoryview) -> int:
        """As much as there is room for; how much that was."""
        end = min(self._length + len(data), len(self._room))
        taken = end - self._length
        self._room[self._length : end] = data[:taken]
        self._length = end
        return taken

    def clear(self) -> None:
        self._length = self._at = 0

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._length}[whence]
        return self._at

    def read(self, size: int = -1) -> memoryview:  # sent and hashed as bytes are
        end = self._length if size < 0 else min(self._at + size, self._length)
        block, self._at = self.filled[self._at : end], end
        return block


def is_md5_of(body: bytes | bytearray, etag: str | None) -> bool:
    """Whether a store's ETag is the MD5 of these bytes, which it can only know from them.

    It need not be: of bytes that a store encrypts under a key of its own, it is none
    (https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html, ETag). Some machines may compute no MD5.
    """
    try:
        md5 = hashlib.md5(body, usedforsecurity=False)
    except ValueError:
        return False
    return (etag or "").strip('"') == md5.hexdigest()
