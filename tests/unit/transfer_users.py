# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys of Transfer users, and a small model of the service that stores what it is given."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from ansible_collections.sshkeys.aws.plugins.module_utils._keys.openssh import PublicKey, parse_public_key
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.policy import transfer_body
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.plan import (
    HeldKey,
    KeysOutcome,
    KeysPlan,
    WantedKeys,
)
from ansible_collections.sshkeys.aws.tests.unit.keys import dss_blob, ed25519_blob, line_of, rsa_line
from hypothesis import strategies as st

SERVER = "s-01234567890abcdef"
USER = "partner"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)


def line(number: int, comment: str = "") -> str:
    """Return the line of a key; the number says which."""
    return line_of(ed25519_blob(bytes([number]) * 32), comment)


def key(number: int, comment: str = "") -> PublicKey:
    """Return the same key, parsed."""
    return parse_public_key(line(number, comment))


def fingerprint(text: str) -> str:
    """Return the SHA256 fingerprint of a line, as ssh-keygen defines it."""
    digest = hashlib.sha256(base64.b64decode(text.split(" ")[1])).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def held(number: int, body: str) -> HeldKey:
    """Return what the service holds under the id and with the date of a number."""
    return HeldKey.stored(f"key-{number:017x}", body, LONG_AGO + timedelta(days=number))


# -- A small model of the service -------------------------------------------------------------------------------------

UNREADABLE = ("", "garbage", "ssh-rsa", "ssh-ed25519 AAAA", "\x00", "ssh-rsa !!!! x", rsa_line(512))
DSS = line_of(dss_blob(), "old")

numbers = st.integers(0, 5)
some_comments = st.sampled_from(["", "laptop", "phone of somebody", "größer, 日本"])
bodies = st.one_of(
    st.builds(line, numbers, some_comments),
    st.builds(line, numbers, some_comments),
    st.sampled_from([*UNREADABLE, DSS]),
    st.text(max_size=30),
)
# The service may hold a key twice, and what nobody would import today.
worlds = st.lists(bodies, max_size=6).map(lambda held_bodies: tuple(held(*pair) for pair in enumerate(held_bodies)))
wanted_keys = st.dictionaries(numbers, some_comments, max_size=4).map(
    lambda wanted: tuple(key(number, comment) for number, comment in wanted.items())
)


some_ids = st.lists(st.integers(0, 8).map("key-{:017x}".format), max_size=3).map(tuple)


@st.composite
def wanteds(draw: st.DrawFn) -> WantedKeys:
    """Draw what a task may declare."""
    present = draw(st.booleans())
    exclusive, keys, key_ids = present and draw(st.booleans()), draw(wanted_keys), draw(some_ids)
    replaces = key_ids if present and not exclusive and keys else ()
    return WantedKeys(USER, present, exclusive, keys, () if present else key_ids, replaces)


def steps(world: tuple[HeldKey, ...], todo: KeysPlan) -> Iterator[tuple[HeldKey, ...]]:
    """Yield what the user holds after each step of a plan."""
    for number, wanted in enumerate(todo.imports, start=100):
        assert not any(other.key and other.key.identity == wanted.identity for other in world), (
            "ResourceExistsException"
        )
        world = (*world, replace(held(number, transfer_body(wanted)), date_imported=NOW))
        yield world
    for doomed in todo.deletions:
        assert doomed in world, "ResourceNotFoundException"
        world = tuple(other for other in world if other.id != doomed.id)
        yield world


def carried_out(world: tuple[HeldKey, ...], todo: KeysPlan) -> tuple[HeldKey, ...]:
    """Return what the user holds after a plan."""
    return [world, *steps(world, todo)][-1]


def identities(keys: Sequence[HeldKey] | Sequence[PublicKey]) -> set[Any]:
    """Return what the keys are, whatever their comments; an unreadable one is only itself."""
    return {
        (other.key.identity if other.key else other.id) if isinstance(other, HeldKey) else other.identity
        for other in keys
    }


def what_happened(world: tuple[HeldKey, ...], todo: KeysPlan) -> KeysOutcome:
    """Return the outcome of a plan that was carried out."""
    after = carried_out(world, todo)
    imported = tuple(other for other in after if other.date_imported == NOW)
    return KeysOutcome(USER, world, after, imported, todo.deletions)
