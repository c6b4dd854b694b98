# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The process that deletes the keys of a run when ansible-playbook was killed and could not.

It ends with ansible-playbook, or when the folder is gone. The keys of a user who logs in by hand go when no process
holds their folder any more (user_folder.py). It needs nothing but the standard library.

Usage: run_guard.py FOLDER [PROCESS], where PROCESS is the process id of ansible-playbook.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import selectors
import shutil
import signal
import sys

# Poll interval for the folder, and for the process where the system has no file descriptor for it.
_POLL_SECONDS = 1.0
# These signals end the run. This process must survive them to delete the folder.
_IGNORED = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)


def main() -> int:
    """Delete the folder when the process, or those who hold it, have ended. Returns the exit status."""
    folder, *process = sys.argv[1:]
    for number in _IGNORED:
        signal.signal(number, signal.SIG_IGN)
    if process:
        wait(folder, int(process[0]))
        shutil.rmtree(folder, ignore_errors=True)
    else:
        delete_unless_held(folder, waits=True)
    return 0


def wait(folder: str, process: int) -> None:
    """Return when the process has ended, or the folder is gone."""
    with selectors.DefaultSelector() as selector, contextlib.ExitStack() as opened:
        # Linux tells at once, also of a process that nobody has collected, as in a container without an init.
        with contextlib.suppress(AttributeError, OSError):
            descriptor = os.pidfd_open(process)
            opened.callback(os.close, descriptor)
            selector.register(descriptor, selectors.EVENT_READ)
        while os.path.isdir(folder) and _is_alive(process):
            if selector.select(_POLL_SECONDS):
                return


def delete_unless_held(folder: str, *, waits: bool) -> None:
    """Delete a folder that no process holds by a shared lock. waits: wait until none does."""
    # It may be gone already.
    with contextlib.suppress(OSError):
        # Not through a link, and not a pipe, which would wait: another user may put one into /tmp in its place.
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if waits else fcntl.LOCK_NB))
            # Another one may have taken its place.
            if os.path.samestat(os.fstat(descriptor), os.lstat(folder)):
                shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(descriptor)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except OSError:
        # There is none, or a process of another user has got its number.
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
