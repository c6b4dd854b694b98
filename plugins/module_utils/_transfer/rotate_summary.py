# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""What a rotation says at its end: which keys came, went and stayed, where the new pair is, and whether it is proven.

Pure. In check mode it says the same of what would happen.
"""

from __future__ import annotations

from typing import Any, Iterator, Mapping, Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.key_label import label
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.replaces import Replacement
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.rotate_host_keys import RotateHostKeys
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.rotate_request import RotateRequest

_Key = Mapping[str, Any]
_NO_HOST_KEYS = RotateHostKeys()


def rotate_summary(
    request: RotateRequest,
    decision: Replacement,
    held: Sequence[_Key],
    results: Sequence[Mapping[str, Any]],
    *,
    new_key: str = "",
    backup_file: str = "",
    check_mode: bool = False,
    host_keys: RotateHostKeys = _NO_HOST_KEYS,
) -> list[str]:
    """Return what there is to say at the end of a rotation that nothing stopped, as lines.

    held: the keys that the user had before. results: of each call of transfer_ssh_key, in their order. A call that was
      skipped, or refused because the user was full, has no ``ssh_public_keys`` or an ``error``, and does not count.
    new_key: the public key of the new pair, empty where there is none yet, as in check mode.
    backup_file: where the pair that was in FILE is kept, unless an earlier run has kept it.
    host_keys: what the service states of the server of the login.
    """
    done = [result for result in results if "ssh_public_keys" in result and "error" not in result]
    came = [key for result in done for key in result["imported"]]
    went = [key for result in done for key in result["deleted"]]
    moved = {key["body"] for key in (*came, *went)}
    stay = [key for key in (done[-1]["ssh_public_keys"] if done else held) if key["body"] not in moved]
    makes_pair = bool(request.private_key_file) and not decision.only_removes
    to_be_made = check_mode and makes_pair and not new_key
    words = ("would come ", "would go   ", "would stay ") if check_mode else ("came ", "went ", "stays")
    return [
        f"{request.who}:",
        *([f"  {words[0]} a new ed25519 key, {request.key_comment}"] if to_be_made else []),
        *(f"  {word} {label(key)}" for word, keys in zip(words, (came, went, stay)) for key in keys),
        *([] if came or went or to_be_made else ["Nothing to do."]),
        *_about_pair(request, decision, backup_file, check_mode=check_mode),
        *_about_login(request, host_keys, check_mode=check_mode),
        *([decision.later] if decision.later else []),
    ]


def _about_pair(request: RotateRequest, decision: Replacement, backup_file: str, *, check_mode: bool) -> Iterator[str]:
    file = request.private_key_file
    if decision.only_removes:
        made = "would be" if check_mode else "was"
        yield f"No new pair {made} made: an earlier run has put one into {file} and left the old key."
    elif file:
        is_kept = decision.file_fingerprint and not decision.is_backed_up
        if check_mode:
            yield f"The new pair would be made in {request.new_file}, and then put into {file}."
            kept = "The pair that is there would be kept"
        else:
            yield f"The new private key is in {file}."
            kept = "The pair that was there is"
        if is_kept:
            yield f"{kept} in {backup_file}."


def _about_login(request: RotateRequest, host_keys: RotateHostKeys, *, check_mode: bool) -> Iterator[str]:
    where = f"on {request.sftp_host}, port {request.sftp_port}"
    if request.sftp_host and check_mode:
        yield f"Before an old key goes, sftp would log in {where}."
    elif request.sftp_host:
        yield f"The new key has logged in by sftp {where}."
    elif request.private_key_file:
        yield f"No login {'would be' if check_mode else 'was'} tried: sftp_host is not set."
    if host_keys.stated:
        yield "The host key there is one that the service states."
    if host_keys.unknown:
        yield f"The host key there is known from a known_hosts file. {host_keys.unknown}"
