# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Results of transfer_ssh_key_info for an audit, and the audit of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.audit import Audit, audit
from hypothesis import strategies as st

SERVER = "s-01234567890abcdef"
OTHER = "s-0fedcba9876543210"
DENIED = {"code": "AccessDeniedException", "message": "No.", "hint": "Allow it."}


def key(fingerprint: str | None = "SHA256:a", **changes: Any) -> dict[str, Any]:
    """Return a key as the module returns it, with changes; without a fingerprint, one that cannot be read."""
    unreadable = {"type": None, "bits": None, "comment": None} if fingerprint is None else {}
    return {
        "id": "key-01234567890abcdef",
        "body": "ssh-ed25519 AAAA alice@laptop",
        "type": "ssh-ed25519",
        "bits": 256,
        "fingerprint": fingerprint,
        "comment": "alice@laptop",
        "date_imported": "2026-11-21T10:00:00Z",
        "age_days": 4,
        **unreadable,
        **changes,
    }


def user(name: str, *keys: dict[str, Any]) -> dict[str, Any]:
    """Return a user who was read."""
    return {"user_name": name, "ssh_public_keys": list(keys)}


def unread(name: str, **error: str) -> dict[str, Any]:
    """Return a user who was not read, with changes of the error."""
    return {"user_name": name, "ssh_public_keys": None, "error": {**DENIED, **error}}


def server(*users: dict[str, Any], item: str = SERVER) -> dict[str, Any]:
    """Return the result for a server."""
    return {"item": item, "users": list(users)}


def lost(msg: str = "ExpiredTokenException: Expired. Log in again.", item: str = SERVER) -> dict[str, Any]:
    """Return the result for a server that could not be read."""
    return {"item": item, "msg": msg}


def described(**changes: Any) -> dict[str, Any]:
    """Return a server as transfer_server_info returns it, with changes."""
    host_key = {"type": "ssh-ed25519", "fingerprint": "SHA256:h", "age_days": 400, "is_default": True}
    server_id = changes.get("server_id", SERVER)
    return {
        "server_id": server_id,
        "arn": f"arn:aws:transfer:us-east-1:123456789012:server/{server_id}",
        "state": "ONLINE",
        "endpoint": f"{server_id}.server.transfer.us-east-1.amazonaws.com",
        "endpoint_type": "PUBLIC",
        "ports": [22],
        "protocols": ["SFTP"],
        "identity_provider_type": "SERVICE_MANAGED",
        "host_keys": [host_key],
        **changes,
    }


def audited(*results: dict[str, Any], limit: int = 90, servers: Sequence[dict[str, Any]] | None = None) -> Audit:
    """Audit results. servers: what transfer_server_info returned; None if it was not called."""
    about = {} if servers is None else {"servers": servers}
    return audit(list(results), limit, "2026-11-25", "us-east-1", about)


def only_key(of: dict[str, Any], limit: int = 90) -> Any:
    """Return what an audit says of a key that is the only one."""
    return audited(server(user("partner", of)), limit=limit)["servers"][0]["users"][0]["keys"][0]


ANYTHING = st.text(max_size=300)
FINGERPRINTS = st.sampled_from(["SHA256:a", "SHA256:b", "SHA256:c"]) | ANYTHING.map("SHA256:{}".format)
NAMES = st.sampled_from(["alice", "bobby", "carol"]) | ANYTHING
KEYS = st.builds(
    key,
    st.none() | FINGERPRINTS,
    type=st.sampled_from(["ssh-rsa", "ssh-dss", "ssh-ed25519"]) | ANYTHING,
    bits=st.integers(0, 8192),
    age_days=st.none() | st.integers(0, 4000),
    comment=ANYTHING,
    id=ANYTHING,
)
READ = st.builds(lambda name, keys: user(name, *keys), NAMES, st.lists(KEYS, max_size=4))
UNREAD = st.builds(unread, NAMES, code=ANYTHING, message=ANYTHING, hint=ANYTHING)
READ_SERVERS = st.builds(
    lambda users, item: server(*users, item=item), st.lists(READ | UNREAD, max_size=4), st.just(SERVER) | ANYTHING
)
SERVERS = st.lists(READ_SERVERS | st.builds(lost, ANYTHING, ANYTHING), max_size=3)
DESCRIBED = st.lists(
    st.builds(
        described,
        server_id=st.just(SERVER) | ANYTHING,
        arn=st.none() | ANYTHING,
        state=st.none() | ANYTHING,
        endpoint=st.none() | ANYTHING,
        identity_provider_type=st.none() | ANYTHING,
        protocols=st.none() | st.lists(ANYTHING, max_size=2),
        host_keys=st.none() | st.lists(st.fixed_dictionaries({"type": ANYTHING, "fingerprint": ANYTHING}), max_size=2),
        error=st.none() | st.fixed_dictionaries({"code": ANYTHING, "message": ANYTHING, "hint": ANYTHING}),
    ),
    max_size=3,
)
LIMITS = st.integers(0, 3000)
