"""OpenStack Swift with its S3 interface, all four servers in one process: `python -m transfer.embedded.swift_server
FILE`.

FILE is a JSON object: `folder`, `port`, `access_key`, `secret_key`. Everything listens on loopback; the three inner
servers take free ports. The folder's file system must keep user xattrs (ext4, xfs, btrfs do).

Two things are easy to get wrong. `swift.common.wsgi.loadapp` must load the pipelines: the plain loader leaves out the
copy middleware, and a copy is then an empty object. Headers must keep their case, or metadata keys change.
"""

# ruff: noqa: E402 - the rest of the world is imported after it has been made cooperative

import eventlet
from swift.common import utils

eventlet.hubs.use_hub(utils.get_hub())
utils.eventlet_monkey_patch()

import array
import json
import logging
import socket
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from eventlet import wsgi
from swift.common import storage_policy
from swift.common.http_protocol import SwiftHttpProtocol
from swift.common.ring import RingData
from swift.common.wsgi import loadapp

from transfer.embedded import swift_inner
from transfer.embedded.swift_inner import WsgiApp
from transfer.embedded.swift_listing import Listing

#: how the pipelines refer to what is in here
MODULE = "transfer.embedded.swift_server"
INNER = ("account", "container", "object")

_INNER_CONFIGURATION = """\
[DEFAULT]
swift_dir = {etc}
devices = {devices}
mount_check = false
disable_fallocate = true
recon_cache_path = {cache}
disk_chunk_size = 1048576
network_chunk_size = 1048576
log_name = {name}
log_level = WARNING
log_custom_handlers = {module}.log_to_stderr
[pipeline:main]
pipeline = app
[app:app]
use = egg:swift#{name}
"""

#: tempauth's user is `user_<account>_<name>`; slo without asynchronous deletes, so that a purge leaves no segment
_PROXY_CONFIGURATION = """\
[DEFAULT]
swift_dir = {etc}
log_name = proxy
log_level = WARNING
log_custom_handlers = {module}.log_to_stderr
[pipeline:main]
pipeline = {pipeline}
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
allow_account_management = true
object_chunk_size = 1048576
client_chunk_size = 1048576
[filter:cache]
paste.filter_factory = {module}:cache_factory
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
[filter:tempauth]
use = egg:swift#tempauth
user_{account}_{user} = {secret} .admin
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_versioned_writes = true
allow_object_versioning = true
[filter:slo]
use = egg:swift#slo
allow_async_delete = false
"""

_PIPELINE = (
    "catch_errors gatekeeper healthcheck cache listing_formats bulk s3api tempauth slo dlo versioned_writes symlink "
    "proxy-server"
)
_PLAIN_FILTERS = ("catch_errors", "gatekeeper", "healthcheck", "listing_formats", "bulk", "dlo", "symlink")


class LocalCache:
    """Stands in for memcached: the same calls, in this process."""

    def __init__(self) -> None:
        self._items: dict[str, tuple[Any, float]] = {}

    def get(self, key: str, raise_on_error: bool = False) -> Any:  # noqa: ARG002 - memcached's signature
        value, until = self._items.get(key, (None, 0.0))
        if until and until < time.time():
            self._items.pop(key, None)
            return None
        return value

    def set(self, key: str, value: Any, serialize: bool = True, time: float = 0, **_: object) -> None:  # noqa: ARG002
        self._items[key] = (value, _now() + time if time else 0.0)

    def incr(self, key: str, delta: int = 1, time: float = 0) -> int:
        value = int(self.get(key) or 0) + delta
        self.set(key, value, time=time)
        return value

    def decr(self, key: str, delta: int = 1, time: float = 0) -> int:
        return self.incr(key, -delta, time)

    def delete(self, key: str, server_key: str | None = None) -> None:  # noqa: ARG002
        self._items.pop(key, None)

    def set_multi(self, mapping: dict[str, Any], server_key: str, time: float = 0, **_: object) -> None:  # noqa: ARG002
        for key, value in mapping.items():
            self.set(key, value, time=time)

    def get_multi(self, keys: Iterable[str], server_key: str | None = None) -> list[Any]:  # noqa: ARG002
        return [self.get(key) for key in keys]


def _now() -> float:
    return time.time()


_CACHE = LocalCache()


def cache_factory(_global: dict[str, str], **_local: str) -> Callable[[WsgiApp], WsgiApp]:
    """The paste filter that puts our cache where Swift looks for memcached."""

    def filtered(app: WsgiApp) -> WsgiApp:
        def with_cache(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            environ["swift.cache"] = _CACHE
            return app(environ, start_response)

        return with_cache

    return filtered


def log_to_stderr(
    _conf: object, _name: str, _console: bool, _route: str, fmt: str, logger: logging.Logger, _adapted: object
) -> None:
    """Swift's logging hook: write to our own log instead of the machine's syslog."""
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter(f"%(asctime)s {fmt}"))
    logger.addHandler(handler)


def serve(folder: Path, port: int, access_key: str, secret_key: str) -> None:
    """Serve until the process is stopped. `access_key` is `account:user`."""
    etc, devices, cache = folder / "etc", folder / "devices", folder / "cache"
    for needed in (etc, devices / "d1", cache):
        needed.mkdir(parents=True, exist_ok=True, mode=0o700)
    sockets = {name: eventlet.listen(("127.0.0.1", 0)) for name in INNER}
    sockets["proxy"] = eventlet.listen(("127.0.0.1", port))
    for listening in sockets.values():
        # Connections have it from here. Without it the body of an answer waits until its head is acknowledged: 40 ms.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for name in INNER:
        _ring(etc / f"{name}.ring.gz", sockets[name].getsockname()[1])
        text = _INNER_CONFIGURATION.format(etc=etc, devices=devices, cache=cache, name=name, module=MODULE)
        (etc / f"{name}.conf").write_text(text)
    account, _, user = access_key.partition(":")
    text = _PROXY_CONFIGURATION.format(
        etc=etc, pipeline=_PIPELINE, module=MODULE, account=account, user=user, secret=secret_key
    )
    (etc / "proxy.conf").write_text(text + "".join(f"[filter:{n}]\nuse = egg:swift#{n}\n" for n in _PLAIN_FILTERS))
    utils.set_swift_dir(str(etc))
    storage_policy.reload_storage_policies()
    said = {"log_level": "WARNING", "log_custom_handlers": f"{MODULE}.log_to_stderr"}
    said |= {"swift_dir": str(etc), "recon_cache_path": str(cache)}
    _run(etc, sockets, Listing(devices, "d1", said))


def _run(etc: Path, sockets: dict[str, Any], listing: Listing) -> None:
    """The doors open when the listings are true: by the proxy, all of it is what the disk says."""
    listing.put_aside()
    logger = logging.getLogger("wsgi")
    logger.addHandler(logging.StreamHandler())
    logger.setLevel(logging.ERROR)
    servers = []
    apps: dict[int, WsgiApp] = {}
    swift_inner.connect(apps)
    for name in (*INNER, "proxy"):
        if name == "proxy":
            listing.sweep()
            eventlet.spawn(listing.keep_true)
        app = loadapp(str(etc / f"{name}.conf"), global_conf={"log_requests": "off"})
        if name != "proxy":
            apps[sockets[name].getsockname()[1]] = app
        servers.append(
            eventlet.spawn(
                wsgi.server,
                sockets[name],
                app,
                logger,
                protocol=SwiftHttpProtocol,
                log_output=False,
                max_size=1024,
                socket_timeout=None,
                capitalize_response_headers=False,
            )
        )
    for server in servers:
        server.wait()


def _ring(path: Path, port: int) -> None:
    """A ring of one device: everything lies here, once."""
    device = {"id": 0, "region": 1, "zone": 1, "weight": 1.0, "device": "d1", "meta": "", "ip": "127.0.0.1"}
    device |= {"port": port, "replication_ip": "127.0.0.1", "replication_port": port}
    RingData([array.array("H", [0, 0])], [device], 31).save(str(path))


def main() -> None:
    configuration = json.loads(Path(sys.argv[1]).read_text())
    folder = Path(configuration["folder"])
    # Read by Swift as soon as it is set up, and part of every object's path: it must never change.
    (folder / "etc").mkdir(parents=True, exist_ok=True, mode=0o700)
    (folder / "etc" / "swift.conf").write_text(
        f"[swift-hash]\nswift_hash_path_suffix = {configuration['hash_suffix']}\n"
        "[storage-policy:0]\nname = gold\ndefault = yes\n"
    )
    serve(folder, configuration["port"], configuration["access_key"], configuration["secret_key"])


if __name__ == "__main__":
    sys.modules.setdefault(MODULE, sys.modules[__name__])
    main()
