# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host keys of an instance: those that it printed to its console output when it booted."""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.errors import PublicKeyError
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.openssh import parse_public_key
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import openssh

# cloud-init prints them between these lines (its module keys_to_console, and its tool write-ssh-key-fingerprints).
_BLOCK = re.compile("-----BEGIN SSH HOST KEY KEYS-----(.*?)-----END SSH HOST KEY KEYS-----", re.DOTALL)
# A line may begin with what a logger puts there.
_KEY = re.compile(r"((?:ssh|ecdsa)-[a-z0-9-]+) (AAAA[0-9A-Za-z+/]+={0,2})")

# For how long after its output has changed an instance may still be booting.
_BOOT = timedelta(minutes=10)
_SECONDS_BETWEEN_QUESTIONS = 2.0


def in_console_output(text: str) -> list[str]:
    """Return the host keys in a console output, each as type and base64; those of the last boot that printed any."""
    blocks = _BLOCK.findall(text)
    keys = [" ".join(found) for found in _KEY.findall(blocks[-1])] if blocks else []
    return [key for key in keys if _is_whole(key)]


def _is_whole(line: str) -> bool:
    """Return whether a key is one: a message of the kernel may stand in the middle of it."""
    try:
        parse_public_key(line)
    except PublicKeyError:
        return False
    return True


def files_named(value: str) -> list[str]:
    """Return the files that ``ssh -G`` may mean by the value of an option. It does not quote names with blanks."""
    words = value.split(" ")
    ends = range(1, len(words) + 1)
    return [" ".join(words[begin:end]) for end in ends for begin in range(end) if words[begin] and words[end - 1]]


def are_known(instance_id: str, files: Sequence[str]) -> bool:
    """Return whether ssh knows a key of the instance from one of its files, or a certificate authority for it."""
    paths = [os.path.expanduser(file) for file in files]
    return any(_has(path, instance_id) for path in paths if os.path.isfile(path))


def _has(path: str, instance_id: str) -> bool:
    command = ["ssh-keygen", "-F", instance_id, "-f", path]
    found = openssh.run(command).stdout
    return any(not line.startswith(("#", "@revoked")) for line in found.splitlines())


def printed(ask: Callable[[], tuple[str, datetime | None]], instance_id: str, deadline: float) -> list[str]:
    """Return the keys that an instance has printed; wait for one that is booting. Raises ArgumentError if it has none.

    ask: returns the console output and when it last changed. deadline: on the monotonic clock.
    """
    while True:
        text, changed_at = ask()
        keys = in_console_output(text)
        if keys:
            return keys
        is_booting = changed_at is None or datetime.now(timezone.utc) - changed_at < _BOOT
        if not is_booting or time.monotonic() + _SECONDS_BETWEEN_QUESTIONS > deadline:
            break
        time.sleep(_SECONDS_BETWEEN_QUESTIONS)
    raise ArgumentError(
        f"No host keys of {instance_id} are known, and there are none in its console output, which holds the last "
        "64 KB: cloud-init prints them when an instance boots."
    )


def write(path: str, instance_id: str, keys: Sequence[str]) -> None:
    """Write a known_hosts file with the keys of an instance. Raises ArgumentError where that is not possible."""
    folder = os.path.dirname(path)
    try:
        # Whoever can write to one of them could say whom to trust.
        for made in (os.path.dirname(folder), folder):
            os.makedirs(made, mode=0o700, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=folder)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.writelines(f"{instance_id} {key}\n" for key in keys)
        os.replace(temporary, path)
    except OSError as error:
        raise ArgumentError(f"The host keys cannot be written to {path}: {error.strerror or error}.") from error
