"""The embedded object store: real S3 by boto3, shut without its key, and nothing of a purged object left."""

import base64
import contextlib
import fcntl
import hashlib
import io
import os
import random
import resource
import signal
import socket
import stat
import subprocess
import sys
import textwrap
import zlib
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import pytest
import urllib3
from botocore.config import Config
from botocore.exceptions import ClientError

from transfer.embedded.process import CHECKOUT
from transfer.embedded.store import Store

pytestmark = pytest.mark.servers


def client(store, secret_key=None):
    return boto3.client(
        "s3",
        endpoint_url=store.endpoint,
        region_name="us-east-1",
        aws_access_key_id=store.access_key,
        aws_secret_access_key=secret_key or store.secret_key,
        config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}),
    )


@pytest.fixture
def bucket(store, request):
    name = f"bucket-{abs(hash(request.node.nodeid)):x}"
    client(store).create_bucket(Bucket=name)
    return name


def test_what_is_kept_is_read_again(store, bucket):
    client(store).put_object(Bucket=bucket, Key="a", Body=b"bytes")

    assert client(store).get_object(Bucket=bucket, Key="a", Range="bytes=1-3")["Body"].read() == b"yte"


def test_a_wrong_key_opens_nothing(store, bucket):
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        client(store, secret_key="guess").list_objects_v2(Bucket=bucket)


def test_nobody_comes_in_without_a_key(store, bucket):
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        boto3.client(
            "s3",
            endpoint_url=store.endpoint,
            region_name="us-east-1",
            aws_access_key_id="transfer:other",
            aws_secret_access_key="x",
        ).list_objects_v2(Bucket=bucket)


def test_deleting_every_version_of_a_large_object_leaves_none_of_its_bytes_on_the_disk(store, bucket):
    s3 = client(store)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    marker = b"ZZMARKER" * 1024
    upload = s3.create_multipart_upload(Bucket=bucket, Key="large")["UploadId"]
    which = {"Bucket": bucket, "Key": "large", "UploadId": upload}
    parts = [
        {"PartNumber": n, "ETag": s3.upload_part(**which, PartNumber=n, Body=marker * 640)["ETag"]} for n in (1, 2)
    ]
    s3.complete_multipart_upload(**which, MultipartUpload={"Parts": parts})
    assert files_with(store, b"ZZMARKER")

    for version in s3.list_object_versions(Bucket=bucket, Prefix="large")["Versions"]:
        s3.delete_object(Bucket=bucket, Key="large", VersionId=version["VersionId"])

    assert not files_with(store, b"ZZMARKER")


def files_with(store, needle):
    return [p for p in (store.folder / "data" / "devices").rglob("*") if p.is_file() and needle in p.read_bytes()]


@pytest.fixture
def own_store(short_folder):
    store = Store(short_folder / "store")
    store.start()
    yield store
    store.stop()


@contextmanager
def listings_held_up(store):
    """No container can be written to: what the store takes now it cannot list."""
    containers = (store.folder / "data" / "devices").glob("d1/containers/*/*/*")
    with ExitStack() as held:
        for container in containers:
            lock = held.enter_context((container / ".lock").open("w"))
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def killed_and_started_again(store):
    os.kill(store.pid, signal.SIGKILL)
    store.stop()
    store.start()


def listed(store, bucket):
    return [one["Key"] for one in client(store).list_objects_v2(Bucket=bucket).get("Contents", ())]


def test_what_a_store_had_taken_and_not_listed_when_it_was_killed_is_listed_at_its_start(own_store):
    s3 = client(own_store)
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="before", Body=b"ZZBEFORE")
    with listings_held_up(own_store):
        s3.put_object(Bucket="bucket", Key="during", Body=b"ZZDURING")
        assert files_with(own_store, b"ZZDURING")
        os.kill(own_store.pid, signal.SIGKILL)
    own_store.stop()
    own_store.start()

    assert listed(own_store, "bucket") == ["before", "during"]
    (entry,) = s3.list_objects_v2(Bucket="bucket", Prefix="during")["Contents"]
    assert (entry["ETag"], entry["Size"]) == (f'"{hashlib.md5(b"ZZDURING", usedforsecurity=False).hexdigest()}"', 8)
    s3.delete_object(Bucket="bucket", Key="during")
    assert not files_with(own_store, b"ZZDURING")


def test_what_a_store_had_removed_and_not_struck_off_when_it_was_killed_is_struck_off(own_store):
    s3 = client(own_store)
    s3.create_bucket(Bucket="bucket")
    for key in ("kept", "removed"):
        s3.put_object(Bucket="bucket", Key=key, Body=b"bytes")
    with listings_held_up(own_store):
        s3.delete_object(Bucket="bucket", Key="removed")
        os.kill(own_store.pid, signal.SIGKILL)
    own_store.stop()
    own_store.start()

    assert listed(own_store, "bucket") == ["kept"]


def test_bytes_half_written_when_a_store_was_killed_are_gone_at_its_start(own_store):
    half = own_store.folder / "data" / "devices" / "d1" / "tmp" / "half"
    half.parent.mkdir(parents=True, exist_ok=True)
    half.write_bytes(b"ZZHALF")
    nothing = half.parent.parent / "objects" / "0" / "abc" / "0123456789abcdef0123456789abcabc" / "1.00000.data"
    nothing.parent.mkdir(parents=True)
    nothing.touch()

    killed_and_started_again(own_store)

    assert not files_with(own_store, b"ZZHALF")
    assert own_store.answers()


def test_a_start_changes_nothing_in_listings_that_are_true(own_store):
    s3 = client(own_store)
    s3.create_bucket(Bucket="bucket")
    upload = s3.create_multipart_upload(Bucket="bucket", Key="large")["UploadId"]
    which = {"Bucket": "bucket", "Key": "large", "UploadId": upload}
    parts = [
        {"PartNumber": n, "ETag": s3.upload_part(**which, PartNumber=n, Body=b"x" * 6_000_000)["ETag"]} for n in (1, 2)
    ]
    s3.complete_multipart_upload(**which, MultipartUpload={"Parts": parts})
    s3.put_object(Bucket="bucket", Key="small", Body=b"bytes")
    before = s3.list_objects_v2(Bucket="bucket")["Contents"]

    killed_and_started_again(own_store)

    assert s3.list_objects_v2(Bucket="bucket")["Contents"] == before


def test_no_key_is_in_the_log_or_on_a_command_line(store):
    assert store.secret_key not in (store.folder / "store.log").read_text()
    with open(f"/proc/{store.pid}/cmdline", "rb") as command:  # noqa: PTH123
        assert store.secret_key.encode() not in command.read()


def test_only_we_can_open_its_folders_and_files(store):
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700
    for file in ("store.json", "server.json", "store.log", "process.json"):
        assert stat.S_IMODE((store.folder / file).stat().st_mode) == 0o600
    # Swift widens some files inside (rings, object data); nobody comes past this folder to them.
    assert stat.S_IMODE((store.folder / "data").stat().st_mode) == 0o700


def test_it_listens_on_loopback_only(store):
    ours = listening_on(store)

    assert len(ours) == 4
    assert all(address.startswith("127.0.0.1:") for address in ours)


def connections(store):
    """How many there are to its inner servers. The kernel knows each for a minute after its end."""
    ports = {address.rpartition(":")[2] for address in listening_on(store)} - {store.endpoint.rpartition(":")[2]}
    assert len(ports) == 3
    known = subprocess.run(["ss", "-Htan", "state", "connected"], capture_output=True, text=True, check=True).stdout
    ends = (line.split()[3:5] for line in known.splitlines())
    return len({tuple(sorted(both)) for both in ends if ports & {end.rpartition(":")[2] for end in both}})


def listening_on(store):
    listening = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True, check=True).stdout
    return [line.split()[3] for line in listening.splitlines() if f"pid={store.pid}," in line]


def test_its_servers_ask_each_other_within_the_process(own_store):
    s3 = client(own_store)
    s3.create_bucket(Bucket="bucket")

    s3.put_object(Bucket="bucket", Key="a", Body=b"bytes")
    s3.put_object(Bucket="bucket", Key="b", Body=bytes(3_000_000))
    s3.head_object(Bucket="bucket", Key="a")
    assert s3.get_object(Bucket="bucket", Key="a", Range="bytes=1-3")["Body"].read() == b"yte"
    s3.list_objects_v2(Bucket="bucket", Prefix="a b/ü?%2F")
    s3.delete_object(Bucket="bucket", Key="a")

    assert connections(own_store) == 0


def test_methods_that_may_be_asked_are_those_that_swift_looks_up():
    script = """
        from transfer.embedded import swift_server
        from swift.proxy.controllers import account, base, container, info, obj

        kinds = [account.AccountController, container.ContainerController, info.InfoController]
        kinds += obj.ObjectControllerRouter.policy_type_to_controller_map.values()

        def looked_up():
            for kind in kinds:
                controller = object.__new__(kind)
                controller._allowed_methods = controller._private_methods = None
                yield set(controller.allowed_methods), set(controller.private_methods)
                controller.allowed_methods.remove("GET")
                assert "GET" not in controller.allowed_methods

        before = list(looked_up())
        theirs = base.Controller.allowed_methods
        swift_server.swift_inner.connect({})
        assert base.Controller.allowed_methods is not theirs
        assert list(looked_up()) == list(looked_up()) == before
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], cwd=CHECKOUT, check=True)


def put_by_hand(s3, bucket, key, **how):
    """The answer to a PUT whose framing is ours."""
    url = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": key})
    with urllib3.PoolManager() as pool:
        return pool.request("PUT", url, retries=False, **how)


@pytest.mark.parametrize("length", [0, 1, 1 << 20, (1 << 20) + 1, 5_000_000])
def test_bytes_whose_length_is_told_or_not_are_kept_to_the_byte(store, bucket, length):
    s3, data = client(store), random.Random(length).randbytes(length)

    s3.put_object(Bucket=bucket, Key="told", Body=data)
    assert put_by_hand(s3, bucket, "untold", body=io.BytesIO(data), chunked=True).status == 200

    for key in ("told", "untold"):
        read = s3.get_object(Bucket=bucket, Key=key)
        assert read["ETag"] == f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'
        assert read["Body"].read() == data


@pytest.mark.parametrize("length", [None, 9_000_000])
def test_of_bytes_that_break_off_nothing_is_kept(store, bucket, length, eventually):
    s3, marker = client(store), f"ZZ{bucket}ZZ".encode()
    address = urlsplit(s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "half"}))
    with socket.create_connection((address.hostname, address.port)) as connected:
        framed = f"Content-Length: {length}" if length else "Transfer-Encoding: chunked"
        head = f"PUT {address.path}?{address.query} HTTP/1.1\r\nHost: {address.netloc}\r\n{framed}\r\n\r\n"
        body = marker * (4_000_000 // len(marker))
        connected.sendall(head.encode() + (b"" if length else f"{9_000_000:x}\r\n".encode()) + body)

    eventually(lambda: not open_below(store))
    assert not files_with(store, marker)
    assert listed(store, bucket) == []


def open_below(store):
    """Files without a name that the store is writing to."""
    told = []
    for one in Path(f"/proc/{store.pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # it was closed meanwhile
            told.append(str(one.readlink()))
    return [one for one in told if "objects" in one and "deleted" in one]


def test_bytes_that_are_not_what_their_checksum_says_are_not_kept(store, bucket):
    data = bytes(3_000_000)
    wrong = base64.b64encode(zlib.crc32(data + b"x").to_bytes(4)).decode()

    with pytest.raises(ClientError, match="BadDigest"):
        client(store).put_object(Bucket=bucket, Key="a", Body=data, ChecksumCRC32=wrong)

    assert listed(store, bucket) == []
    assert not open_below(store)


@pytest.mark.parametrize("length", [10, 3_000_000])
def test_bytes_that_are_not_what_their_md5_says_harm_nobody_else(own_store, length):
    s3, data = client(own_store), bytes(length)
    s3.create_bucket(Bucket="bucket")
    wrong = base64.b64encode(hashlib.md5(b"x", usedforsecurity=False).digest()).decode()

    for _ in range(12):
        with pytest.raises(ClientError, match="BadDigest"):
            s3.put_object(Bucket="bucket", Key="a", Body=data, ContentMD5=wrong)
    s3.put_object(Bucket="bucket", Key="b", Body=data)

    assert listed(own_store, "bucket") == ["b"]
    assert s3.get_object(Bucket="bucket", Key="b")["Body"].read() == data


def test_a_store_that_cannot_write_says_so_at_once_and_takes_the_next(own_store):
    s3 = client(own_store)
    s3.create_bucket(Bucket="bucket")
    before = resource.prlimit(own_store.pid, resource.RLIMIT_FSIZE, (2_000_000, resource.RLIM_INFINITY))

    with pytest.raises(ClientError):
        s3.put_object(Bucket="bucket", Key="a", Body=bytes(9_000_000))
    assert put_by_hand(s3, "bucket", "a", body=io.BytesIO(bytes(9_000_000)), chunked=True).status == 503
    resource.prlimit(own_store.pid, resource.RLIMIT_FSIZE, before)
    s3.put_object(Bucket="bucket", Key="b", Body=bytes(9_000_000))

    assert listed(own_store, "bucket") == ["b"]
    assert "Timeout" not in own_store.log.read_text()


def test_what_is_there_already_is_told_before_the_bytes_are_asked_for(store, bucket):
    s3 = client(store)
    s3.put_object(Bucket=bucket, Key="a", Body=b"first")

    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.put_object(Bucket=bucket, Key="a", Body=bytes(9_000_000), IfNoneMatch="*")

    assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == b"first"


@pytest.mark.parametrize("key", ["a b", "ü/\u4e16", "100%", "%2F", "a?b=c&d", "a+b", "'\"<&>"])
def test_a_key_of_any_letters_is_written_listed_read_and_removed(store, bucket, key):
    s3 = client(store)

    s3.put_object(Bucket=bucket, Key=key, Body=b"bytes", Metadata={"said": "so"})

    assert listed(store, bucket) == [key]
    assert s3.head_object(Bucket=bucket, Key=key)["Metadata"] == {"said": "so"}
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"bytes"
    s3.delete_object(Bucket=bucket, Key=key)
    assert listed(store, bucket) == []


def test_what_was_kept_survives_a_kill_and_keeps_its_address(short_folder):
    store = Store(short_folder / "store")
    store.start()
    endpoint = store.endpoint
    client(store).create_bucket(Bucket="kept")
    client(store).put_object(Bucket="kept", Key="a", Body=b"bytes")
    subprocess.run(["kill", "-9", str(store.pid)], check=True)
    store.stop()
    assert not store.is_running()

    store.start()
    first = store.pid
    store.start()
    try:
        assert store.pid == first
        assert store.endpoint == endpoint
        assert client(store).get_object(Bucket="kept", Key="a")["Body"].read() == b"bytes"
    finally:
        store.stop()


def test_it_ends_with_the_process_that_started_it(short_folder, eventually):
    script = f"""
        import os
        from pathlib import Path
        from transfer.embedded.store import Store
        Store(Path({str(short_folder)!r})).start()
        os.kill(os.getpid(), 9)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], cwd=CHECKOUT, check=False)

    eventually(lambda: not Store(short_folder).is_running())
