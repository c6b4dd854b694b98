# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host keys of an instance, which it prints to its console output when it boots."""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta, timezone

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.errors import PublicKeyError
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.openssh import parse_public_key
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import openssh

# cloud-init prints them between these lines (module keys_to_console, tool write-ssh-key-fingerprints).
_BLOCK = re.compile("-----BEGIN SSH HOST KEY KEYS-----(.*?)-----END SSH HOST KEY KEYS-----", re.DOTALL)
# A logger may put a prefix before the key.
_KEY = re.compile(r"((?:ssh|ecdsa)-[a-z0-9-]+) (AAAA[0-9A-Za-z+/]+={0,2})")

# An instance may still be booting for this time after its last output.
_BOOT = timedelta(minutes=10)
_SECONDS_BETWEEN_QUESTIONS = 2.0


def in_console_output(text: str) -> list[str]:
    """Return the host keys of the last boot that printed any, each as type and base64."""
    blocks = _BLOCK.findall(text)
    keys = [" ".join(found) for found in _KEY.findall(blocks[-1])] if blocks else []
    return [key for key in keys if _is_whole(key)]


def _is_whole(line: str) -> bool:
    """Return whether a key is intact: a message of the kernel may have cut it in two."""
    try:
        parse_public_key(line)
    except PublicKeyError:
        return False
    return True


def files_named(value: str) -> list[str]:
    """Return all possible files in an option's value from ``ssh -G``, which does not quote names with blanks."""
    words = value.split(" ")
    ends = range(1, len(words) + 1)
    return [" ".join(words[begin:end]) for end in ends for begin in range(end) if words[begin] and words[end - 1]]


def are_known(instance_id: str, written: str, files: Sequence[str]) -> bool:
    """Return whether ssh knows a key of the instance, or a certificate authority for it.

    written: the file that ``write`` would write. files: others that ssh reads.
    """
    if os.path.exists(written):
        return True
    paths = [os.path.expanduser(file) for file in files]
    return any(_has(path, instance_id) for path in paths if os.path.isfile(path))


def _has(path: str, instance_id: str) -> bool:
    command = ["ssh-keygen", "-F", instance_id, "-f", path]
    found = openssh.run(command).stdout
    return any(not line.startswith(("#", "@revoked")) for line in found.splitlines())


async def printed(
    ask: Callable[[], Awaitable[tuple[str, datetime | None]]], instance_id: str, deadline: float
) -> list[str]:
    """Return the keys that an instance has printed; wait while it is booting. Raises ArgumentError if there are none.

    ask: returns the console output and the time of its last change. deadline: on the monotonic clock.
    """
    while True:
        text, changed_at = await ask()
        keys = in_console_output(text)
        if keys:
            return keys
        is_booting = changed_at is None or datetime.now(timezone.utc) - changed_at < _BOOT
        if not is_booting or time.monotonic() + _SECONDS_BETWEEN_QUESTIONS > deadline:
            break
        await asyncio.sleep(_SECONDS_BETWEEN_QUESTIONS)
    raise ArgumentError(
        f"No host keys of {instance_id} are known, and its console output has none. cloud-init prints them when an "
        "instance boots, and only the last 64 KB of the output are kept."
    )


def write(path: str, instance_id: str, keys: Sequence[str]) -> None:
    """Write a known_hosts file with the keys of an instance. Raises ArgumentError if it cannot be written."""
    folder = os.path.dirname(path)
    try:
        # A user who can write to one of these folders could choose the trusted keys.
        for made in (os.path.dirname(folder), folder):
            os.makedirs(made, mode=0o700, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=folder)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.writelines(f"{instance_id} {key}\n" for key in keys)
        os.replace(temporary, path)
    except OSError as error:
        raise ArgumentError(f"The host keys cannot be written to {path}: {error.strerror or error}.") from error
