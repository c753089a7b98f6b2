"""Rows that need another shape than the plain one: a restore, an upgrade, TLS of the doors' own, outside stores."""

import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tests.campaigns.compose import cases, edge, faults
from tests.campaigns.compose.engine import run
from tests.campaigns.compose.progress import Progress
from tests.campaigns.compose.running import up
from tests.campaigns.compose.stack import PERSON, PROJECT, Stack, copy_of_commit, until
from tests.kit.peers.certificates import certificates

#: the user of our image
OURS = 10001
#: where the engine's own network has the machine, for what runs beside the stack
BESIDE = "172.17.0.1"
SECONDS = 420
_PASSPHRASE = b"correct horse battery staple\n"


def keeping_backups(stack: Stack) -> Stack:
    """The same, with backups and the keys' copy in folders that outlive its volumes."""
    folders = {}
    for name in ("BACKUPS", "KEYS_COPY"):
        folder = stack.engine.folder / name.lower()
        folder.mkdir(mode=0o700)
        os.chown(folder, OURS, OURS)
        folders[name] = str(folder)
    return replace(stack, variables={**stack.variables, **folders})


def restored(stack: Stack, whole: Counter[tuple[str, str]]) -> str:
    """A backup while cases are under way; database, store, keys and Airflow destroyed; restored; the cases go on."""
    running = [cases.begin(stack, cases.a_chart()) for _ in range(2)]
    cases.open_cases(stack, running, SECONDS)
    began = time.monotonic()
    stack.compose("run", "--rm", "--no-TTY", "backup", said=_PASSPHRASE)
    took = time.monotonic() - began
    stack.compose("down", timeout=900)
    stack.engine.docker(
        "volume", "rm", *(f"{PROJECT}_{name}" for name in ("postgres", "store", "keys", "airflow-logs"))
    )
    began = time.monotonic()
    stack.up("postgres", "store")
    stack.compose("run", "--rm", "prepare")
    newest = max(path.name for path in Path(stack.variables["BACKUPS"]).iterdir() if path.is_dir())
    words = ("transfer", "restore", "--keys", f"/var/lib/backups/{newest}")
    stack.compose("run", "--rm", "--no-TTY", "backup", *words, said=_PASSPHRASE)
    stack.up()
    cases.finish(stack, running, SECONDS)
    faults.nothing_lost(stack, running, whole)
    return f"backup {took:.0f} s, over {time.monotonic() - began:.0f} s after the loss"


def upgraded(
    stack: Stack, commit: str, tell: Progress, whole: Counter[tuple[str, str]], at_rest: Callable[[Stack], None]
) -> str:
    """Cases begin under the image and the compose file of an earlier commit, and end under this one's, after
    `deploy/upgrade.py`. `at_rest` is given the earlier shape before anything is to be done.
    """
    tree = copy_of_commit(stack.engine.folder / "earlier", commit)
    shutil.copytree(stack.tree / "deploy" / "secrets", tree / "deploy" / "secrets", dirs_exist_ok=True)
    _owned_as(stack.tree / "deploy" / "secrets", tree / "deploy" / "secrets")
    earlier = replace(stack, tree=tree, profiles=("sandbox",), variables={**stack.variables, "IMAGE_TAG": "earlier"})
    stack.engine.docker("build", "--tag", "records-transfer:earlier", str(tree), timeout=900)
    tell(f"image records-transfer of {commit}")
    stack.compose("down", "--volumes", "--remove-orphans")
    earlier.compose("up", "--detach", "--no-build")
    until("the earlier doors answer", lambda: earlier.transfer("case", "list") == [], SECONDS)
    at_rest(earlier)
    running = [cases.begin_when_well(earlier, cases.a_chart(), SECONDS) for _ in range(2)]
    cases.open_cases(earlier, running, SECONDS)
    began = time.monotonic()
    stack.upgrade()
    stack.up("--remove-orphans")
    cases.finish(stack, running, SECONDS)
    faults.nothing_lost(stack, running, whole)
    return f"over {time.monotonic() - began:.0f} s after the order"


def _owned_as(source: Path, target: Path) -> None:
    for file in source.iterdir():
        os.chown(target / file.name, file.stat().st_uid, file.stat().st_gid)


def own_tls(stack: Stack, tell: Progress) -> str:
    """The doors speak TLS themselves, HTTP and MLLP, and refuse plain text; the edge asks them by TLS, and so do the
    institutions, which play a case.
    """
    made = certificates(stack.engine.folder / "certificates", hosts=["gateway"])
    for source, target in (("server.pem", "doors.pem"), ("server.key", "doors.key")):
        file = made.folder / target
        shutil.copy2(made.folder / source, file)
        file.chmod(0o400)
        os.chown(file, OURS, OURS)
    made.folder.chmod(0o755)
    authority = made.folder / "authority.pem"
    files = (*stack.files, "deploy/compose.tls.yaml")
    variables = {"CERTIFICATES": str(made.folder), "PUBLIC_URL": "https://gateway:8080"}
    shape = replace(stack, files=files, variables={**stack.variables, **variables})
    with up(shape, tell):
        began = time.monotonic()
        case = cases.begin(shape, cases.a_chart())
        cases.finish(shape, [case], SECONDS)
        took = time.monotonic() - began
        seen = edge.outside(shape, "localhost", "/fhir/Task", authority, 8443)
        assert seen["tls"] in ("TLSv1.2", "TLSv1.3"), seen
        assert edge.acknowledges(shape, authority, 2575)
        assert not edge.answers_plainly(shape, 8443) and not edge.answers_plainly(shape, 2575)
        edge.check(shape)
    return f"a case over in {took:.0f} s"


def with_key_service(stack: Stack, tell: Progress, whole: Counter[tuple[str, str]]) -> str:
    """Keys lie with a service of their own: it is killed while cases are under way, and away while a patient pauses."""
    environment = stack.engine.environment()
    run([sys.executable, str(stack.tree / "deploy" / "make_key_certificates.py")], environment)
    shape = replace(stack, files=(*stack.files, "deploy/compose.keys.yaml"))
    with up(shape, tell):
        began = time.monotonic()
        case = cases.begin(shape, cases.a_chart())
        cases.finish(shape, [case], SECONDS)
        took = time.monotonic() - began
        for service in ("gateway", "dispatcher", "airflow-worker"):
            assert not shape.inside(service, "ls", "-A", "/var/lib/keys"), f"keys lie in {service}"
        states = {one["name"]: one["state"] for one in shape.transfer("status")}
        assert states["keys"] == "up", states
        went_on = faults.under(shape, lambda: shape.crash(shape.containers("keys")[0]), whole)
        _paused_without_keys(shape, case)
    return f"a case over in {took:.0f} s; the service killed -9: {went_on:.0f} s"


def _paused_without_keys(shape: Stack, case: cases.Case) -> None:
    """While the service is stopped a permission is paused, and nothing else is known of the patient."""
    shape.compose("stop", "keys")
    (form,) = shape.transfer("permission", "list", case.name)
    shape.transfer("permission", "pause", form["permission"], "--person", PERSON)
    (form,) = shape.transfer("permission", "list", case.name)
    assert form["ended"] == "paused", form
    shape.up("--no-recreate")
    noted = ("sh", "-c", f"cat /var/lib/keys/ended/{form['permission']}")
    until("the end is noted beside the keys", lambda: shape.inside("keys", *noted).strip() == b"paused", 60)


def outside_stores(stack: Stack, tell: Progress) -> str:
    """PostgreSQL and the object store run beside the stack, and it starts none of its own."""
    tree = stack.engine.folder / "outside"
    shutil.copytree(stack.tree, tree)
    shutil.rmtree(tree / "deploy" / "secrets")
    (tree / "deploy" / "secrets").mkdir()
    shape = replace(
        stack,
        tree=tree,
        files=(*stack.files, "deploy/compose.outside.yaml"),
        variables={**stack.variables, "S3_ENDPOINT": f"http://{BESIDE}:7070", "S3_CHECKSUMS": "when_supported"},
    )
    shape.draw_secrets("--postgres", f"{BESIDE}:5432")
    _start_beside(stack, tree / "deploy" / "secrets")
    try:
        with up(shape, tell):
            began = time.monotonic()
            assert not shape.containers("postgres") and not shape.containers("store")
            case = cases.begin(shape, cases.a_chart())
            cases.finish(shape, [case], SECONDS)
            return f"a case over in {time.monotonic() - began:.0f} s"
    finally:
        stack.engine.docker("rm", "--force", "--volumes", "outside-postgres", "outside-store", is_tried=True)


def _start_beside(stack: Stack, secrets: Path) -> None:
    """A PostgreSQL and an object store in the engine's own network, with the credentials the stack will use."""
    password = "/run/secrets/postgres_password"
    words = ["run", "--detach", "--network=host", "--name=outside-postgres"]
    words += [f"--volume={secrets}/postgres_password:{password}:ro", f"--env=POSTGRES_PASSWORD_FILE={password}"]
    words += ["--env=POSTGRES_INITDB_ARGS=--auth=scram-sha-256", "postgres:18-bookworm"]
    stack.engine.docker(*words, "postgres", "-c", "max_connections=200")
    keys = [(secrets / name).read_text() for name in ("store_access_key", "store_secret_key")]
    script = "mkdir -p /data/objects /data/versions && exec /app/versitygw --port :7070 --quiet"
    script += " posix --versioning-dir /data/versions /data/objects"
    words = ["run", "--detach", "--network=host", "--name=outside-store", "--entrypoint=sh"]
    words += [f"--env=ROOT_ACCESS_KEY={keys[0]}", f"--env=ROOT_SECRET_KEY={keys[1]}", "versity/versitygw:v1.7.0"]
    stack.engine.docker(*words, "-c", script)
