# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""One SSL context for all connections of a client, so that they do not each read the CA bundle again.

For each new connection, urllib3 loads the whole bundle into the client's context, which already has it. That takes
about 13 ms of processor time for the bundle of botocore, more than the rest of a call. botocore has no public way to
its context: this file alone reads the private names for it. If a botocore has different names, each connection reads
the bundle, as it would without this file.
"""

from __future__ import annotations

import contextlib
import os
import ssl
import threading
from typing import Any, Callable, NamedTuple

from ansible_collections.sshkeys.aws.plugins.module_utils._aws.sdk import httpsession


class CABundle(NamedTuple):
    """The certificates of a file in an SSL context, and the file's mtime and size when it was read."""

    path: str
    version: tuple[int, int]
    context: ssl.SSLContext


def read_bundle() -> CABundle | None:
    """Read the CA bundle that the environment names, or the SDK's default. Returns None if it cannot be read."""
    with contextlib.suppress(AttributeError, OSError):
        path = os.environ.get("AWS_CA_BUNDLE") or str(httpsession.get_cert_path(True))
        bundle = CABundle(path, _version(path), httpsession.create_urllib3_context())
        _load_once(bundle.context)
        # As urllib3 does for each connection.
        bundle.context.load_verify_locations(path, None, None)
        return bundle
    return None


def share(client: Any, bundle: CABundle | None) -> None:
    """Make the connections of a client share one SSL context: the bundle's if the client trusts the same file."""
    with contextlib.suppress(AttributeError, KeyError):
        session = client._endpoint.http_session  # noqa: SLF001
        pool = session._manager.connection_pool_kw  # noqa: SLF001
        # A context with a client certificate cannot be shared with other clients.
        if bundle and not session._cert_file and _is_current(bundle, session._verify):  # noqa: SLF001
            pool["ssl_context"] = bundle.context
        else:
            _load_once(pool["ssl_context"])


def _version(path: str) -> tuple[int, int]:
    """Return the file's mtime and size, which change when it does."""
    found = os.stat(path)
    return found.st_mtime_ns, found.st_size


def _is_current(bundle: CABundle, verify: bool | str) -> bool:
    """Return whether a client trusts the file of this bundle, and the file has not changed.

    verify: botocore's setting: a path, True for its default bundle, or False.
    """
    path = httpsession.get_cert_path(True) if verify is True else verify
    try:
        return path == bundle.path and _version(bundle.path) == bundle.version
    except OSError:
        return False


def _load_once(context: Any) -> None:
    """Make an SSL context load each bundle only once."""
    context.load_verify_locations = _once(context.load_verify_locations)


def _once(function: Callable[..., None]) -> Callable[..., None]:
    """Return a function that does nothing if it was called with the same arguments before."""
    seen: set[object] = set()
    lock = threading.Lock()

    def once(*arguments: object, **named: object) -> None:
        with lock:
            key = (arguments, frozenset(named.items()))
            if key not in seen:
                function(*arguments, **named)
                seen.add(key)

    return once
