"""Every failure of the store's library has a word of ours, and none of its words goes through."""

import subprocess
import sys

import botocore.exceptions as theirs
import pytest
import urllib3.exceptions
from botocore.exceptions import ClientError

from transfer.adapters.vault.failures import in_our_words, our_words
from transfer.errors import (
    OutOfOrder,
    TooLarge,
    TransferError,
    TurnedAway,
    Unavailable,
    Unexpected,
    Unknown,
    Unreadable,
)


def all_below(base):
    return {base} | {deeper for each in base.__subclasses__() for deeper in all_below(each)}


BOTOCORE = sorted(all_below(theirs.BotoCoreError) - {theirs.BotoCoreError}, key=lambda each: each.__name__)
#: what they call themselves when the wire, not the request, is at fault
WIRE = (
    "Timeout",
    "ConnectionError",
    "ConnectionClosed",
    "Incomplete",
    "Streaming",
    "HTTPClient",
    "SSLError",
    "Checksum",
)
#: named like one and not one
CONFIGURATION = {"InvalidChecksumConfigError"}


@pytest.mark.parametrize("kind", BOTOCORE, ids=lambda each: each.__name__)
def test_every_failure_of_botocore_has_a_word_of_ours(kind):
    ours = in_our_words(kind.__new__(kind), "trying")

    assert isinstance(ours, TransferError)
    if any(word in kind.__name__ for word in WIRE) and kind.__name__ not in CONFIGURATION:
        assert isinstance(ours, Unavailable)


@pytest.mark.parametrize(
    "kind", sorted(all_below(urllib3.exceptions.HTTPError), key=lambda each: each.__name__), ids=lambda e: e.__name__
)
def test_every_failure_of_the_wire_below_it_too(kind):
    assert isinstance(in_our_words(kind.__new__(kind), "trying"), Unavailable)


@pytest.mark.parametrize(
    ("status", "code", "ours"),
    [
        (401, "Whatever", TurnedAway),
        (403, "AccessDenied", TurnedAway),
        (403, "SignatureDoesNotMatch", TurnedAway),
        (404, "NoSuchKey", Unknown),
        (404, "404", Unknown),
        (400, "NoSuchUpload", Unknown),
        (400, "BadDigest", OutOfOrder),
        (400, "IncompleteBody", OutOfOrder),
        (400, "RequestTimeout", OutOfOrder),
        (400, "EntityTooLarge", TooLarge),
        (400, "InvalidArgument", Unexpected),
        (301, "PermanentRedirect", Unexpected),
        (416, "InvalidRange", Unreadable),
        (429, "TooManyRequests", OutOfOrder),
        (500, "InternalError", OutOfOrder),
        (200, "InternalError", OutOfOrder),
        (501, "NotImplemented", Unexpected),
        (503, "SlowDown", OutOfOrder),
        (507, "InsufficientStorage", OutOfOrder),
    ],
)
def test_every_answer_of_the_store_has_a_word_of_ours(status, code, ours):
    assert type(in_our_words(answer(status, code), "trying")) is ours


def test_an_answer_without_anything_in_it_has_a_word_of_ours():
    assert isinstance(in_our_words(ClientError({}, "PutObject"), "trying"), Unexpected)


def test_a_store_that_says_when_to_come_back_is_heard():
    said = in_our_words(answer(503, "SlowDown", {"retry-after": "7"}), "trying")

    assert isinstance(said, OutOfOrder)
    assert said.retry_after == 7.0


def test_nothing_the_store_said_goes_into_the_message_or_behind_it():
    with pytest.raises(TurnedAway) as refused, our_words("trying"):
        raise answer(403, "AccessDenied")

    assert str(refused.value) == "trying: the object store answered 403"
    assert refused.value.__suppress_context__


def answer(status, code, headers=None):
    error = {"Code": code, "Message": "the key AKIA-SECRET in bucket PATIENTS"}
    return ClientError(
        {"Error": error, "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": headers or {}}}, "PutObject"
    )


def test_naming_the_vault_does_not_load_the_store_library():
    program = "import sys, transfer.adapters.vault; sys.exit('boto3' in sys.modules or 'botocore' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
