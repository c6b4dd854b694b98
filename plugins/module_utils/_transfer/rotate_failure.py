# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""What a rotation says when it fails in the middle: what failed, which keys the user has, which files work.

Pure.
"""

from __future__ import annotations

from typing import Any, Iterator, Mapping, Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import printable
from ansible_collections.sshkeys.aws.plugins.module_utils._ssh_diagnosis import Cause, Login, cause_of, meaning_of
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.key_label import labels
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.rotate_files import KeyFiles
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.rotate_host_keys import RotateHostKeys
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.rotate_request import RotateRequest

_NO_HOST_KEYS = RotateHostKeys()


def rotate_failure(
    request: RotateRequest,
    failed: Mapping[str, Any],
    *,
    task: str,
    is_login: bool,
    held: Sequence[Mapping[str, Any]] | None,
    files: KeyFiles,
    host_keys: RotateHostKeys = _NO_HOST_KEYS,
) -> str:
    """Return one paragraph about a rotation that failed.

    failed: the result of the task that failed. task: the name of the task. is_login: whether it was the login.
    held: the keys that the user has now, None where they could not be read. files: the private key files now.
    host_keys: what the service states of the server of the login.
    """
    sentences = [
        *(_about_login(request, failed, host_keys) if is_login else _about_task(request, failed, task)),
        _about_user(request.who, held),
        *_about_files(files, held),
    ]
    return " ".join(" ".join(sentences).split())


def _about_login(request: RotateRequest, failed: Mapping[str, Any], host_keys: RotateHostKeys) -> Iterator[str]:
    said = str(failed.get("stderr") or "").strip() or _message(failed)
    yield (
        f"sftp could not log in on {request.sftp_host}, port {request.sftp_port}, with the new key: "
        f"{_without_period(said)}. No old key was removed."
    )
    if cause_of(said) is Cause.HOST_KEY:
        where = request.sftp_host if request.sftp_port == "22" else f"[{request.sftp_host}]:{request.sftp_port}"
        login = Login(
            where, known_hosts=" in known_hosts", host_key_advice=_host_key_advice(request, host_keys), is_alias=False
        )
        yield meaning_of(Cause.HOST_KEY, login)


def _host_key_advice(request: RotateRequest, host_keys: RotateHostKeys) -> str:
    if host_keys.stated:
        return "It has changed since this playbook checked it. Run again."
    how = "The filter sshkeys.aws.known_hosts turns what ssh-keyscan prints into the lines that belong there."
    if request.checks_host_key:
        return f"{host_keys.unknown.rstrip('.')}. {how}"
    return (
        "ssh_args says how ssh knows host keys. Without UserKnownHostsFile, StrictHostKeyChecking and -F there, this "
        f"playbook checks the host key against those that the service states. {how}"
    )


def _about_task(request: RotateRequest, failed: Mapping[str, Any], task: str) -> Iterator[str]:
    yield f"{task}: {_without_period(_message(failed))}."
    if request.sftp_host and "as many keys as AWS allows" in _message(failed):
        yield "With sftp_host, no key is removed before the login. Remove a key first, or omit sftp_host."


def _message(failed: Mapping[str, Any]) -> str:
    # The result of a loop says only that an element failed.
    of_loop = [item for item in failed.get("results") or () if item.get("failed")]
    return str((of_loop[0] if of_loop else failed).get("msg") or "It failed").strip()


def _without_period(text: str) -> str:
    return printable(text).rstrip(".")


def _about_user(who: str, held: Sequence[Mapping[str, Any]] | None) -> str:
    if held is None:
        return f"The current keys of {who} could not be read."
    number = f"{len(held) or 'no'} key{'' if len(held) == 1 else 's'}"
    return f"{who} now has {number}: {labels(held)}." if held else f"{who} now has {number}."


def _about_files(files: KeyFiles, held: Sequence[Mapping[str, Any]] | None) -> Iterator[str]:
    if not files:
        return
    if held is not None:
        working = ", ".join(files.that_open(held))
        yield f"The private key files that work: {working}." if working else "None of the private key files works."
    if files.has_new:
        yield f"The next run continues with the pair in {files.new}."
