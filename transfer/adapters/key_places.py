"""Where the keys are, by the settings: a folder of this host, or a key service on another.

A module of its own, so that the key service need not load what the other processes connect to.
"""

import os

from transfer.adapters import mutual_tls
from transfer.adapters.held_keys import KEY_BYTES, HeldKeys
from transfer.adapters.keys import FolderKeys
from transfer.adapters.keys_copy import KeysCopy
from transfer.adapters.service_keys import ServiceKeys
from transfer.sealing import SITE
from transfer.settings import BadSetting, Settings


def keys(settings: Settings) -> HeldKeys:
    """Where TRANSFER_KEYS says the keys are. None is drawn here: an empty folder may be a disk that is not mounted.

    Raises:
        BadSetting: the keys of this folder were moved, or a certificate towards the key service cannot be used.
    """
    if settings.keys_url:
        return key_service(settings, settings.keys_url)
    held = folder_keys(settings)
    if where := held.moved():
        raise BadSetting("TRANSFER_KEYS", "names a folder whose keys were moved", f"They are kept at {where} now.")
    return held


def begin_keys(settings: Settings) -> bool:
    """Make the site's key where TRANSFER_KEYS says, for an installation that is new. False: there was one."""
    held = key_service(settings, settings.keys_url) if settings.keys_url else folder_keys(settings)
    fresh = os.urandom(KEY_BYTES)
    return held.offer(SITE, fresh) == fresh


def folder_keys(settings: Settings) -> FolderKeys:
    """The folder of keys as it is, where they are kept on this host."""
    return FolderKeys(settings.keys, KeysCopy(settings.keys_copy) if settings.keys_copy else None, begins=False)


def key_service(settings: Settings, url: str) -> ServiceKeys:
    """A key service. Raises `BadSetting` where a certificate towards it cannot be used."""
    mutual_tls.context(settings.keys_tls, is_server=False)  # told now, not at the first message
    return ServiceKeys(url, lambda: mutual_tls.context(settings.keys_tls, is_server=False))
