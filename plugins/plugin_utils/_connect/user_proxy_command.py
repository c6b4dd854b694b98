# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The program that ssh runs as its ProxyCommand when a user logs in by hand: it asks the user's broker.

The file that ssh_config writes has the command. In a play, the connection has proxy_command.py instead, and explains
failures itself.

Usage: user_proxy_command.py USER PORT COLLECTIONS NAME=VALUE…. USER and PORT are those that ssh connects with,
COLLECTIONS the paths in which ansible-core looks for collections, with colons between them. user_host.py has the names.
"""

from __future__ import annotations

import os
import signal
import sys
from types import ModuleType

_FOLDER = os.path.dirname(os.path.abspath(__file__))


def main() -> int:
    """Have the connection made. Returns the exit status."""
    # Ctrl-C is for ssh, which ends; nobody wants to read where this program was.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    user, port, collections, *words = sys.argv[1:]
    paths = collections.split(":")
    # As broker.py does.
    package = ModuleType("ansible_collections")
    package.__path__ = [os.path.join(path, "ansible_collections") for path in paths]
    sys.modules["ansible_collections"] = package
    from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import user_broker  # noqa: PLC0415 - see above
    from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.user_host import UserHost  # noqa: PLC0415

    fields = dict(word.split("=", 1) for word in words)
    try:
        host = UserHost(**fields)
    except TypeError:
        failure: str | None = (
            f"{fields.get('written_to', 'The file')} was written by another version of the collection sshkeys.aws. Run "
            "ansible-playbook sshkeys.aws.ssh_config with its inventory again."
        )
    else:
        failure = user_broker.connect(user, port, host, paths, os.path.join(_FOLDER, "broker.py"))
    if failure:
        _say(failure)
    return 1 if failure else 0


def _say(sentence: str) -> None:
    """Print a sentence where the user sees it.

    ssh closes the standard error of its ProxyCommand if the connection is to persist (sshconnect.c).
    """
    is_discarded = os.path.exists(os.devnull) and os.path.samestat(os.fstat(sys.stderr.fileno()), os.stat(os.devnull))
    if is_discarded:
        try:
            with open("/dev/tty", "w", encoding="utf-8", errors="backslashreplace") as terminal:
                terminal.write(f"{sentence}\n")
        except OSError:
            # There is no terminal.
            pass
        else:
            return
    sys.stderr.write(f"{sentence}\n")


if __name__ == "__main__":
    sys.exit(main())
