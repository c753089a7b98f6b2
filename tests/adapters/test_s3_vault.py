"""The vault on the real embedded store: nothing left behind, flat memory, kills, orphans, and refusals in our words."""

import hashlib
import io
import random
import socket
import subprocess
import sys
import textwrap
import threading
import time
from datetime import UTC, datetime

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError
from urllib3 import HTTPResponse

from tests.kit.store_probe import Support, probe
from transfer.adapters.dicom.limits import DicomLimits
from transfer.adapters.vault import PART, SMALL_PART, S3Vault
from transfer.adapters.vault.store import ANSWER_SECONDS
from transfer.embedded.store import Store
from transfer.errors import OutOfOrder, TurnedAway, Unavailable, Unknown
from transfer.staging import Location

pytestmark = pytest.mark.servers

MiB = 1 << 20


def vault_on(store, bucket="vault", **changed):
    known = {
        "endpoint": store.endpoint,
        "region": "us-east-1",
        "access_key": store.access_key,
        "secret_key": store.secret_key,
        "bucket": bucket,
    }
    return S3Vault(**known | changed)


def test_a_store_that_takes_connections_and_says_nothing_is_away_within_seconds():
    """The kernel answers for a process that is stuck: readiness must not wait for all that a transfer may take."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        vault = S3Vault(
            endpoint=f"http://127.0.0.1:{silent.getsockname()[1]}",
            region="us-east-1",
            access_key="x",
            secret_key="y",
            bucket="z",
        )
        began = time.monotonic()
        assert not vault.answers()

    assert time.monotonic() - began < 5 * ANSWER_SECONDS


@pytest.fixture
def vault(store, request):
    vault = vault_on(store, bucket=f"bucket-{abs(hash(request.node.nodeid)):x}")
    vault.ensure_bucket()
    return vault


def objects(vault):
    listed = vault._client.list_object_versions(Bucket=vault._bucket)
    return [*listed.get("Versions", ()), *listed.get("DeleteMarkers", ())]


def on_disk(store, needle):
    return [p for p in (store.folder / "data" / "devices").rglob("*") if p.is_file() and needle in p.read_bytes()]


def marked(marker, length):
    return (marker * (MiB // len(marker)) for _ in range(length // MiB))


@pytest.mark.parametrize("length", [1 * MiB, PART + MiB, 3 * PART + MiB])
def test_a_source_that_fails_midway_leaves_nothing_behind(vault, store, length):
    marker = f"ZZ{length:020d}ZZ".encode()

    def failing():
        yield from marked(marker, length)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        vault.keep(failing())

    assert objects(vault) == []
    assert vault.open_uploads() == []
    assert on_disk(store, marker) == []


def test_a_writer_left_without_finishing_leaves_nothing_behind(vault):
    with vault.writer() as writer:
        writer.write(bytes(2 * PART + 1))

    assert (objects(vault), vault.open_uploads()) == ([], [])


def test_a_writer_takes_what_it_is_given_at_once_so_that_the_buffer_can_be_used_again(vault):
    buffer = bytearray(b"first")
    with vault.writer() as writer:
        writer.write(buffer)
        buffer[:] = b"later"
        writer.write(memoryview(buffer))
        location = writer.finish()

    assert b"".join(vault.read(location)) == b"firstlater"
    assert writer.length == 10


def test_a_part_is_not_filled_again_before_it_is_hashed(store, monkeypatch):
    vault = vault_on(store, bucket="hashed", part=SMALL_PART)
    vault.ensure_bucket()
    upload, answered, have_two = vault._client.upload_part, [], threading.Event()

    def uploaded(**named):
        answered.append(upload(**named))
        if len(answered) == 2:
            have_two.set()
        return answered[-1]

    class Late:
        """Hashes nothing before two parts are in the store."""

        def __init__(self, hashed):
            self._hashed = hashed
            self.hexdigest = hashed.hexdigest

        def update(self, part):
            assert have_two.wait(60)
            self._hashed.update(part)

    monkeypatch.setattr(vault._client, "upload_part", uploaded)
    data = random.Random(1).randbytes(3 * SMALL_PART)
    with vault.writer() as writer:
        monkeypatch.setattr(writer, "_sha256", Late(hashlib.sha256()))
        writer.write(data)
        location = writer.finish()

    assert location.sha256 == hashlib.sha256(data).hexdigest()


def test_a_part_that_is_sent_once_more_is_sent_from_its_beginning(store):
    vault = vault_on(store, bucket="again", part=SMALL_PART)
    vault.ensure_bucket()
    refused = []

    def busy(request, **_):
        if refused:
            return None
        refused.append(len(request.body.read(MiB)))  # so much has left us
        return AWSResponse(request.url, 503, {}, HTTPResponse(io.BytesIO(), preload_content=False))

    vault._client.meta.events.register("before-send.s3.UploadPart", busy)
    data = random.Random(2).randbytes(SMALL_PART + MiB)
    location = vault.keep([data])

    assert refused == [MiB]
    assert b"".join(vault.read(location)) == data


def test_a_document_is_sent_without_asking_the_store_first(vault):
    asked = []
    vault._client.meta.events.register(
        "before-send.s3.PutObject", lambda request, **_: asked.append(request.headers.get("Expect"))
    )

    vault.keep([b"a document"])

    assert asked == [None]


def test_a_part_is_sent_without_asking_the_store_first(store):
    vault = vault_on(store, part=5 * MiB)
    vault.ensure_bucket()
    asked = []
    vault._client.meta.events.register(
        "before-send.s3.UploadPart", lambda request, **_: asked.append(request.headers.get("Expect"))
    )

    vault.keep([bytes(5 * MiB), b"the rest"])

    assert asked == [None, None]


@pytest.mark.parametrize("is_versioned", [False, True])
@pytest.mark.parametrize("length", [1 * MiB, 2 * PART - MiB])
def test_removing_an_object_leaves_no_byte_of_it_on_the_disk(store, is_versioned, length):
    vault = vault_on(store, bucket=f"removal-{is_versioned}-{length}".lower())
    vault.ensure_bucket()
    if is_versioned:
        enabled = {"Status": "Enabled"}
        vault._client.put_bucket_versioning(Bucket=vault._bucket, VersioningConfiguration=enabled)
    marker = f"RR{is_versioned}{length:020d}RR".encode()
    location = vault.keep(marked(marker, length))
    assert on_disk(store, marker)

    vault.remove(location.key)
    vault.remove(location.key)

    assert objects(vault) == []
    assert on_disk(store, marker) == []


def test_an_object_hidden_by_a_delete_marker_is_removed_with_all_its_versions(store):
    vault = vault_on(store, bucket="hidden")
    vault.ensure_bucket()
    vault._client.put_bucket_versioning(Bucket="hidden", VersioningConfiguration={"Status": "Enabled"})
    location = vault.keep([b"HIDDEN-BYTES"])
    vault._client.delete_object(Bucket="hidden", Key=location.key)

    vault.remove(location.key)

    assert objects(vault) == []
    assert on_disk(store, b"HIDDEN-BYTES") == []


def test_removing_a_key_aborts_its_open_uploads_and_no_others(vault):
    for key in ("00/mine", "00/mine-too"):
        vault._client.create_multipart_upload(Bucket=vault._bucket, Key=key)

    vault.remove("00/mine")

    assert [upload.key for upload in vault.open_uploads()] == ["00/mine-too"]


def test_the_upload_of_a_dead_writer_is_aborted_under_the_name_it_announced_and_a_live_one_is_not(store):
    announced = []
    vault = vault_on(store, bucket="writers", announce=announced.append)
    vault.ensure_bucket()
    for _ in range(2):  # never left: the first one's process died
        writer = vault.writer()
        writer.write(b"ORPHANED" * (2 * PART // 8))
        writer.write(b"x")

    vault.remove(announced[0])

    assert [upload.key for upload in vault.open_uploads()] == announced[1:]


def test_two_processes_may_make_the_bucket_at_once(store):
    vaults = [vault_on(store, bucket="raced") for _ in range(4)]
    failures = []

    def make(vault):
        try:
            vault.ensure_bucket()
        except Exception as error:  # noqa: BLE001 - whatever it is, the test names it
            failures.append(error)

    threads = [threading.Thread(target=make, args=(vault,)) for vault in vaults]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert b"".join(vaults[0].read(vaults[3].keep([b"x"]))) == b"x"


def test_a_wrong_secret_is_turned_away_and_stands_in_no_message(store):
    with pytest.raises(TurnedAway) as refused:
        vault_on(store, secret_key="a-wrong-secret").ensure_bucket()

    assert "a-wrong-secret" not in str(refused.value)
    assert store.access_key not in str(refused.value)


def test_a_missing_bucket_is_said_and_nothing_is_kept(store):
    with pytest.raises(Unknown):
        vault_on(store, bucket="never-made").keep([b"x"])


def test_a_store_that_is_down_is_unreachable(unused_port):
    vault = S3Vault(
        endpoint=f"http://127.0.0.1:{unused_port}", region="us-east-1", access_key="a:b", secret_key="c", bucket="d"
    )
    with pytest.raises(OutOfOrder) as refused:
        vault.keep([b"x"])

    assert str(unused_port) not in str(refused.value)


@pytest.fixture
def unused_port():
    import socket

    with socket.socket() as bound:  # bound and not listening: whoever connects is refused
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def test_a_store_that_says_yes_and_has_nothing_is_caught_by_reading_back(vault, monkeypatch):
    monkeypatch.setattr(vault._client, "put_object", lambda **_: {"ETag": "fine"})

    with pytest.raises(Unavailable):
        vault.keep([b"x"])


def calls_to(vault, monkeypatch):
    """What is asked of the store from now on, by the names of S3."""
    asked, ask = [], vault._client._make_api_call
    monkeypatch.setattr(vault._client, "_make_api_call", lambda name, given: asked.append(name) or ask(name, given))
    return asked


def test_a_small_object_whose_md5_the_store_names_is_not_asked_for_again(vault, monkeypatch):
    asked = calls_to(vault, monkeypatch)

    for length in (0, 1, MiB):
        vault.keep([bytes(length)])

    assert asked == ["PutObject"] * 3


@pytest.mark.parametrize("length", [0, 1, MiB])
def test_an_object_of_whose_bytes_the_store_says_nothing_is_asked_for(vault, monkeypatch, length):
    """As of one that it encrypts under a key of its own: its ETag is no MD5."""
    put = vault._client.put_object
    monkeypatch.setattr(vault._client, "put_object", lambda **how: put(**how) | {"ETag": '"0123-not-its-md5"'})
    asked = calls_to(vault, monkeypatch)

    location = vault.keep([bytes(length)])

    assert asked == ["PutObject", "HeadObject"]
    assert b"".join(vault.read(location)) == bytes(length)


def test_a_store_that_keeps_less_than_it_was_given_is_caught_and_nothing_stays(vault, monkeypatch):
    put = vault._client.put_object
    monkeypatch.setattr(vault._client, "put_object", lambda **how: put(**how | {"Body": how["Body"][:-1]}))

    with pytest.raises(OutOfOrder):
        vault.keep([b"whole"])

    assert objects(vault) == []


def test_a_larger_object_is_asked_for(vault, monkeypatch):
    asked = calls_to(vault, monkeypatch)

    vault.keep([bytes(MiB + 1)])

    assert asked == ["PutObject", "HeadObject"]


def test_removing_asks_no_more_than_it_must(vault, monkeypatch):
    location = vault.keep([b"bytes"])
    asked = calls_to(vault, monkeypatch)

    vault.remove(location.key)

    assert asked == ["ListMultipartUploads", "HeadObject", "DeleteObject", "HeadObject", "ListObjectVersions"]


def test_a_store_that_keeps_what_it_removes_is_caught(vault, monkeypatch):
    location = vault.keep([b"bytes"])
    monkeypatch.setattr(vault._client, "delete_object", lambda **_: {})

    with pytest.raises(OutOfOrder):
        vault.remove(location.key)


def test_a_machine_that_computes_no_md5_asks(vault, monkeypatch):
    def refuse(*_, **__):
        raise ValueError("disabled for FIPS")

    monkeypatch.setattr("transfer.adapters.vault.writing.hashlib.md5", refuse)
    asked = calls_to(vault, monkeypatch)

    vault.keep([b"bytes"])

    assert asked == ["PutObject", "HeadObject"]


def test_a_completed_upload_whose_answer_was_lost_counts_once_it_is_read_back(vault, monkeypatch):
    completed = vault._client.complete_multipart_upload

    def retried(**named):
        completed(**named)  # whose answer is lost; what the library's own retry is told by a strict store:
        error = {"Error": {"Code": "NoSuchUpload"}, "ResponseMetadata": {"HTTPStatusCode": 404}}
        raise ClientError(error, "CompleteMultipartUpload")

    monkeypatch.setattr(vault._client, "complete_multipart_upload", retried)
    location = vault.keep([bytes(PART), b"x"])

    assert sum(map(len, vault.read(location))) == PART + 1


def test_a_store_dying_midway_fails_the_keeping_and_its_restart_leaves_only_an_upload_to_abort(short_folder):
    store = Store(short_folder / "store")
    store.start()
    try:
        vault = vault_on(store)
        vault.ensure_bucket()
        kept = vault.keep(marked(b"SURVIVOR", PART + MiB))

        def killing():
            yield from marked(b"HALFWAYS", 2 * PART + MiB)  # one part is there
            subprocess.run(["kill", "-9", str(store.pid)], check=True)
            yield from marked(b"HALFWAYS", 2 * PART)

        with pytest.raises(Unavailable):
            vault.keep(killing())
        store.stop()
        store.start()

        assert b"".join(vault.read(kept)) == b"SURVIVOR" * ((PART + MiB) // 8)
        assert [each["Key"] for each in objects(vault)] == [kept.key]
        [left] = vault.open_uploads()
        vault.remove(left.key)
        assert vault.open_uploads() == []
        assert on_disk(store, b"HALFWAYS") == []
    finally:
        store.stop()


def test_a_store_that_stops_in_the_middle_of_reading_is_unavailable_not_unreadable(short_folder):
    store = Store(short_folder / "store")
    store.start()
    try:
        vault = vault_on(store)
        vault.ensure_bucket()
        location = vault.keep(bytes(MiB) for _ in range(60))
        chunks = vault.read(location)
        next(chunks)
        subprocess.run(["kill", "-9", str(store.pid)], check=True)

        with pytest.raises(Unavailable):
            list(chunks)
    finally:
        store.stop()


def test_memory_stays_flat_whatever_the_length(vault, store):
    program = textwrap.dedent("""
        import resource, sys
        from transfer.adapters.vault import S3Vault
        names = ("endpoint", "access_key", "secret_key", "bucket")
        *known, mib = sys.argv[1:]
        vault = S3Vault(region="us-east-1", **dict(zip(names, known, strict=True)))
        block = bytes(1 << 20)
        location = vault.keep(block for _ in range(int(mib)))
        assert sum(map(len, vault.read(location))) == int(mib) << 20
        vault.remove(location.key)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
    """)

    def peak(mib):
        known = [store.endpoint, store.access_key, store.secret_key, vault._bucket, str(mib)]
        ran = subprocess.run([sys.executable, "-c", program, *known], capture_output=True, text=True, check=True)
        return int(ran.stdout)

    small, large = peak(1), peak(300)

    assert large - small < 64  # MiB: two parts and the connections' buffers


def test_what_the_store_really_does_is_found_by_trying(vault):
    found = probe(vault, datetime.now(UTC))

    assert found.checksums is Support.KEPT
    assert found.credentials is Support.KEPT
    assert found.versions is Support.REFUSED
    assert found.encryption is Support.REFUSED
    assert found.lock is Support.IGNORED  # this store takes the header and lets the object be deleted
    assert found.customer_keys is Support.IGNORED  # and this one, and shows the bytes to anybody with its own key
    assert objects(vault) == []


def test_versions_are_seen_where_they_are_kept_and_the_probe_leaves_none(vault):
    vault._client.put_bucket_versioning(Bucket=vault._bucket, VersioningConfiguration={"Status": "Enabled"})

    assert probe(vault, datetime.now(UTC)).versions is Support.KEPT
    assert objects(vault) == []


def test_both_checksum_modes_are_taken(store, vault):
    plain = vault_on(store, bucket=vault._bucket, checksums="when_required")
    location = plain.keep([bytes(PART), b"x"])

    assert isinstance(location, Location)
    assert sum(map(len, vault.read(location))) == PART + 1


def test_the_longest_series_that_is_taken_fits_into_the_parts_of_the_embedded_store():
    assert DicomLimits().series < 1000 * PART  # max_upload_part_num, Swift's default
