"""What goes wrong at the store, in our words. The one place where botocore's exceptions are read.

Nothing of theirs goes into a message: not the endpoint, the bucket, the object key, a credential or a line of the
store's answer.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from transfer.errors import (
    OutOfOrder,
    TooLarge,
    TransferError,
    TurnedAway,
    Unexpected,
    Unknown,
    Unreadable,
)

#: the codes for bytes that came otherwise than their checksum says
NOT_ITS_CHECKSUM = ("BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch")
#: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html, as far as the status does not say it
_BY_CODE: dict[str, type[TransferError]] = {
    "NoSuchKey": Unknown,
    "NoSuchBucket": Unknown,
    "NoSuchUpload": Unknown,
    "NoSuchVersion": Unknown,
    "InvalidRange": Unreadable,
    **dict.fromkeys(NOT_ITS_CHECKSUM, OutOfOrder),
    "IncompleteBody": OutOfOrder,
    "EntityTooLarge": TooLarge,
    "MaxPostPreDataLengthExceededError": TooLarge,
    "RequestTimeTooSkewed": TurnedAway,
    "RequestTimeout": OutOfOrder,
    "SlowDown": OutOfOrder,
    "InternalError": OutOfOrder,
}
_BY_STATUS: dict[int, type[TransferError]] = {
    401: TurnedAway,
    403: TurnedAway,
    404: Unknown,
    408: OutOfOrder,
    409: OutOfOrder,
    413: TooLarge,
    416: Unreadable,
    429: OutOfOrder,
    501: Unexpected,
}


@contextmanager
def our_words(doing: str) -> Iterator[None]:
    """Raise what botocore raises inside as ours, naming only what was being done."""
    from botocore.exceptions import BotoCoreError, ClientError
    from urllib3.exceptions import HTTPError

    try:
        yield
    except (BotoCoreError, ClientError, HTTPError) as error:
        raise in_our_words(error, doing) from None


def in_our_words(error: Exception, doing: str) -> TransferError:
    """Our error for one of botocore's. What is not known is `Unexpected`: a person looks at it."""
    from botocore import exceptions as theirs
    from urllib3.exceptions import HTTPError

    match error:
        case theirs.ClientError():
            return _answered(error.response, doing)
        case theirs.IncompleteReadError() | theirs.ResponseStreamingError():
            return OutOfOrder(f"{doing}: the object store stopped in the middle")
        case theirs.ChecksumError() | theirs.FlexibleChecksumError():
            return OutOfOrder(f"{doing}: the bytes were damaged on the way")
        case theirs.NoCredentialsError() | theirs.CredentialRetrievalError() | theirs.MetadataRetrievalError():
            return OutOfOrder(f"{doing}: this machine is given no credentials for the object store")
        # read timeouts, closed and refused connections, TLS, proxies: HTTPClientError is the base of most
        case theirs.HTTPClientError() | theirs.ConnectionError() | HTTPError():
            return OutOfOrder(f"{doing}: the object store did not answer")
        case _:
            return Unexpected(f"{doing}: {type(error).__name__}")


def _answered(response: dict[str, Any], doing: str) -> TransferError:
    code = str(response.get("Error", {}).get("Code", ""))
    meta = response.get("ResponseMetadata", {})
    status = int(meta.get("HTTPStatusCode") or (code if code.isdecimal() else 0))
    ours = _BY_CODE.get(code) or _BY_STATUS.get(status) or (OutOfOrder if status >= 500 else Unexpected)
    message = f"{doing}: the object store answered {status}"
    if ours is OutOfOrder:
        after = str(meta.get("HTTPHeaders", {}).get("retry-after", ""))
        return OutOfOrder(message, retry_after=float(after) if after.isdecimal() else None)
    return ours(message)
