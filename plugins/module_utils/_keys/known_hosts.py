# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Host keys that a server shows, checked against the fingerprints that are stated of it. Pure.

Anybody can answer in place of a server, so what ``ssh-keyscan`` prints is worth nothing by itself. Rules:
- Each key that is shown must be stated. One that is not is refused, and then no key is taken.
- A key that is stated and not shown is fine: ssh-keyscan asks for some types only, and a client may lack one.
- If no key is shown, there is nothing to take, which is an error.

Format: sshd(8) "SSH_KNOWN_HOSTS FILE FORMAT", and ssh-keyscan(1).
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any, Iterator, Mapping, NamedTuple, Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError, printable, shown, type_name
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.fingerprint import fingerprint_of, read_fingerprint
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.private import PRIVATE_KEY, holds_private_key

_TYPE = re.compile(r"[a-z0-9@.-]{1,64}")
# A host, an address, or either with a port. ssh reads a comma, a blank, and a first |, @, ! or # in its own way, and
# looks up a host without its port if that is 22 (put_host_port in misc.c).
_NAME = re.compile(r"(?![|@!#])[^\s,*?\x00-\x1f\x7f]{1,255}(?<!\]:22)", re.ASCII)
_SAID_AT_MOST = 300


class HostKeyError(ArgumentError):
    """A host key cannot be trusted."""


class _Stated(NamedTuple):
    """A host key that is stated. type: empty if unknown."""

    type: str
    fingerprint: str


class _Shown(NamedTuple):
    """A host key that is shown. host: the first field of its line."""

    host: str
    type: str
    encoded: str
    fingerprint: str


def known_hosts(scan: Any, stated: Any, *, names: Any = (), said: str = "") -> list[str]:
    """Return the lines for a known_hosts file of the keys that a server shows, each once, sorted.

    scan: what ssh-keyscan printed, or lines of a known_hosts file. Lines may be hashed and have ports.
    stated: the fingerprints of the host keys, each as text or as a dict with ``fingerprint`` and perhaps ``type``.
    names: write the lines for these hosts, in place of the scanned ones.
    said: what ssh-keyscan printed on standard error, for the sentence if it printed nothing else.
    Raises ArgumentError for what cannot be read, and HostKeyError for a key that is not stated, or if none is shown.
    """
    trusted = _read_stated(stated)
    keys = list(_read_scan(scan))
    if not keys:
        raise HostKeyError(_nothing_scanned(said))
    fingerprints = {key.fingerprint for key in trusted}
    strangers = [key for key in keys if key.fingerprint not in fingerprints]
    if strangers:
        raise HostKeyError(" ".join([*(_refusal(key, trusted) for key in strangers), _REMEDY]))
    hosts = _read_names(names)
    # ssh-keyscan prints the keys in the order in which the answers come, which is another one each time.
    return sorted({f"{host} {key.type} {key.encoded}" for key in keys for host in hosts or [key.host]})


_REMEDY = (
    "Somebody else may be answering in its place, so no key is taken. Check the name and the port, and ask the service "
    "for its fingerprints again."
)


def _refusal(key: _Shown, trusted: Sequence[_Stated]) -> str:
    host = "A host whose name is hashed" if key.host.startswith("|") else printable(key.host)
    of_type = [other.fingerprint for other in trusted if other.type == key.type]
    if of_type:
        told = f"the service states {' and '.join(of_type)} for this type"
    else:
        others = ", ".join(f"{other.fingerprint} ({other.type or 'of unknown type'})" for other in trusted)
        told = f"the service states no key of this type, but {others}"
    return f"{host} shows an {key.type} key with the fingerprint {key.fingerprint}, and {told}."


def _nothing_scanned(said: str) -> str:
    # ssh-keyscan says the same for each type of key.
    lines = dict.fromkeys(" ".join(printable(line).split()).rstrip(".") for line in said.splitlines())
    words = ". ".join(filter(None, lines))[:_SAID_AT_MOST].rstrip(".")
    heard = f" It said: {words}." if words else ""
    return f"The server showed no host key.{heard} Check the host name and the port, and that this host reaches them."


def _read_stated(stated: Any) -> list[_Stated]:
    """Read the fingerprints that are stated. Raises ArgumentError."""
    if stated is None:
        raise HostKeyError(
            "The stated host keys are null, so they could not be read. transfer_server_info says why in its error."
        )
    elements = [stated] if isinstance(stated, (str, Mapping)) else stated
    if not isinstance(elements, (list, tuple)):
        raise ArgumentError(f"The stated fingerprints must be a list, and are of type {type_name(stated)}.")
    if not elements:
        raise HostKeyError("No fingerprint of a host key is stated, so no host key can be trusted.")
    return [_read_one(element, position) for position, element in enumerate(elements)]


def _read_one(element: Any, position: int) -> _Stated:
    text = element.get("fingerprint") if isinstance(element, Mapping) else element
    found = read_fingerprint(text) if isinstance(text, str) else None
    if not found:
        told = shown(text) if isinstance(text, str) else f"of type {type_name(text)}"
        raise ArgumentError(
            f"Stated fingerprint [{position}] is {told}, and must be a SHA256 fingerprint, such as "
            "SHA256:v4K2SCakkhOJ9gLiuwJrrfcWc3wCYzvGBWaMKche8CU."
        )
    return _Stated(str(element.get("type") or "") if isinstance(element, Mapping) else "", found)


def _read_scan(scan: Any) -> Iterator[_Shown]:
    """Yield each key. Raises ArgumentError for a line that is none."""
    text = "\n".join(map(str, scan)) if isinstance(scan, (list, tuple)) else scan
    if not isinstance(text, str):
        raise ArgumentError(f"The scan must be the text that ssh-keyscan printed, and is of type {type_name(scan)}.")
    if holds_private_key(text):
        raise ArgumentError(f"The scan: {PRIVATE_KEY}")
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), start=1):
        words = line.split()
        if words and not words[0].startswith("#"):
            yield _read_line(words, number)


def _read_line(words: Sequence[str], number: int) -> _Shown:
    where = f"Line {number} of the scan"
    if words[0].startswith("@"):
        raise ArgumentError(f"{where} begins with {shown(words[0])}. Give the lines of host keys alone.")
    if len(words) < _FIELDS_AT_LEAST or not _TYPE.fullmatch(words[1]):
        raise ArgumentError(f"{where} is no line of ssh-keyscan, which has a host, a key type and a key in base64.")
    host, key_type, encoded = words[:_FIELDS_AT_LEAST]
    try:
        blob = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        blob = b""
    name = key_type.encode()
    # ssh reads no other base64, such as with too much padding, which Python takes up to 3.12.
    is_canonical = base64.b64encode(blob).decode() == encoded
    if not is_canonical or not blob.startswith(len(name).to_bytes(4, "big") + name):
        raise ArgumentError(f"{where} has a damaged key, or one that is not of the type {key_type}.")
    return _Shown(host, key_type, encoded, fingerprint_of(blob))


_FIELDS_AT_LEAST = 3


def _read_names(names: Any) -> list[str]:
    listed = [names] if isinstance(names, str) else list(names or ())
    for name in listed:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            told = shown(name) if isinstance(name, str) else f"of type {type_name(name)}"
            raise ArgumentError(
                f"names has an element that is {told}. It must be a host name or an address, or [NAME]:PORT for a port "
                "other than 22."
            )
    return listed
