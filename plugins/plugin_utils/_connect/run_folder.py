# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Folders of a run of ansible-playbook: for files that must not outlive it, and for files that are kept."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import tempfile

from ansible import constants as C  # noqa: N812 - as ansible-core names it


def run_folder() -> str:
    """Return the folder for files that must not outlive the run, inside the one that ansible-core deletes."""
    folder = os.path.join(C.DEFAULT_LOCAL_TMP, "sshkeys.aws")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    return folder


def state_folder() -> str:
    """Return the folder for files that outlive a run, below XDG_STATE_HOME or ~/.local/state (XDG Base Directory)."""
    state = os.environ.get("XDG_STATE_HOME", "")
    if not os.path.isabs(state):
        state = os.path.join(os.path.expanduser("~"), ".local", "state")
    return os.path.join(state, "sshkeys.aws")


def controller() -> int:
    """Return the process id of ansible-playbook, even in the worker of a task."""
    process = multiprocessing.parent_process()
    return (process and process.pid) or os.getpid()


def write_once(folder: str, text: str, suffix: str) -> str:
    """Write a file of the run, named by the hash of its content. Returns its path."""
    path = os.path.join(folder, hashlib.sha256(text.encode()).hexdigest()[:16] + suffix)
    if not os.path.exists(path):
        descriptor, temporary = tempfile.mkstemp(dir=folder)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, path)
    return path
