# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The program that ssh runs as its ProxyCommand: it makes the connection to an instance and hands it over.

ssh runs it when it opens a connection of its own, once for each. With ProxyUseFdpass it gets the connection itself, and
nothing stands between the two afterwards. ssh_config(5) describes both.

Usage: _proxy_command.py SETTINGS. The connection plugin has written that file; what went wrong is written beside it,
because ssh hides what a ProxyCommand says where its connections persist.
"""

from __future__ import annotations

import json
import os
import sys
from types import ModuleType


def main() -> int:
    """Make the connection and hand it over. Returns the exit status."""
    settings_file = sys.argv[1]
    with open(settings_file, encoding="utf-8") as file:
        settings = json.load(file)
    # As ansible-core finds collections. Its own importer would take as long as the connection.
    package = ModuleType("ansible_collections")
    package.__path__ = [os.path.join(path, "ansible_collections") for path in settings["collection_paths"]]
    sys.modules["ansible_collections"] = package

    from ansible_collections.sshkeys.aws.plugins.plugin_utils import _open_connection  # noqa: PLC0415 - see above

    return _open_connection.main(settings, settings_file)


if __name__ == "__main__":
    sys.exit(main())
