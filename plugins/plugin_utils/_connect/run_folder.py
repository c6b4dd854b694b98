# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Folders of a run of ansible-playbook: for files that must not outlive it, and for files that are kept."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import tempfile
from collections.abc import Callable
from typing import Any

# The private key of a run, in its folder.
PAIR = "id_ed25519"


class RunFolderError(Exception):
    """There is no folder of the run. ``str()`` is a sentence."""


def run_folder() -> str:
    """Return the folder for files that must not outlive the run, inside the one that ansible-core deletes.

    Raises RunFolderError.
    """
    # The broker imports this file, too, and not all of ansible-core.
    from ansible import constants as C  # noqa: N812, PLC0415 - as ansible-core names it

    folder = os.path.join(C.DEFAULT_LOCAL_TMP, "sshkeys.aws")
    if not os.path.exists(folder):
        if controller() not in (os.getpid(), os.getppid()):
            # A worker that goes on would leave behind what it makes.
            raise RunFolderError("ansible-playbook has ended, and so this worker of it makes no connection any more.")
        try:
            os.mkdir(folder, mode=0o700)
        except FileExistsError:
            # Another worker was faster.
            pass
        except OSError as error:
            raise RunFolderError(
                f"The folder for the keys of the run, {folder}, cannot be made: {error.strerror}. Look at "
                "ANSIBLE_LOCAL_TEMP."
            ) from error
    return folder


def broker_name(program: str, folder: str | None = None, *, reads_ssh: bool = True) -> str:
    """Return the name of the socket of the broker that serves this process.

    A broker has an environment, a working folder and a version of the collection, so those of this process name it.
    program: the path of broker.py. folder: the working folder of the broker, by default that of this process.
    reads_ssh: whether it asks OpenSSH for its configuration, which may read the variables of a login session.
    """
    found = os.stat(program)
    served = [
        f"{program} {found.st_ino} {found.st_mtime_ns}",
        folder or os.getcwd(),
        *sorted(
            f"{name}={value}"
            for name, value in os.environ.items()
            if _is_read(name) and (reads_ssh or not name.startswith("SSH_"))
        ),
    ]
    return f"broker-{hashlib.sha256(os.fsencode(chr(0).join(served))).hexdigest()[:16]}"


# What the SDK, OpenSSH and the programs that they run read. Not all: something may give each task a variable.
_ROOMS = ("AWS_", "EC2_", "SSH_", "SSL_", "LD_")
_NAMES = frozenset(
    {
        *("HOME", "PATH", "PYTHONPATH", "USER", "LOGNAME", "REQUESTS_CA_BUNDLE"),
        # Others of XDG differ in each login session.
        *("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"),
    }
)


def _is_read(name: str) -> bool:
    """Return whether what makes a connection reads an environment variable."""
    return name in _NAMES or name.startswith(_ROOMS) or name.lower().endswith("_proxy")


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
    path = path_once(folder, text, suffix)
    if not os.path.exists(path):
        _write(path, text)
    return path


def path_once(folder: str, text: str, suffix: str) -> str:
    """Return the path of the file that ``write_once`` writes."""
    return os.path.join(folder, hashlib.sha256(text.encode()).hexdigest()[:16] + suffix)


def made_once(folder: str, name: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return what the first one in the run who asks for a file makes, and writes there as JSON."""
    path = os.path.join(folder, name)
    try:
        with open(path, encoding="utf-8") as file:
            made: dict[str, Any] = json.load(file)
    except FileNotFoundError:
        made = make()
        _write(path, json.dumps(made))
    return made


def _write(path: str, text: str) -> None:
    """Write a file that others find whole or not at all."""
    descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(path))
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(temporary, path)
