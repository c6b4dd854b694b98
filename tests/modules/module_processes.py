# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A program that runs modules as Ansible runs them: one for each line of standard input, in a process of its own.

Such a process is a fork of an interpreter that has imported the modules, and nothing of ansible-core's controller: what
a module warns of would go to the screen there.
"""

from __future__ import annotations

import gc
import importlib
import io
import json
import os
import sys
import time
from functools import cache
from typing import Any
from unittest.mock import patch

import botocore.session
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.sdk import INSTANCE_CONNECT, TRANSFER
from botocore.loaders import JSONFileLoader, Loader


def main(names: list[str]) -> None:
    """Import the modules of these names once, and call one for each line."""
    modules = {name: importlib.import_module(name) for name in names}
    _read_ahead()
    # Pauses before retries.
    patch.object(time, "sleep").start()
    gc.freeze()
    for line in sys.stdin:
        call = json.loads(line)
        child = os.fork()
        if not child:
            _call(modules[call["module"]], call["arguments"], call["environment"])
        os.waitpid(child, 0)


def _call(module: Any, arguments: dict[str, Any], environment: dict[str, str]) -> None:
    """Call a module with an environment, and end."""
    os.environ.clear()
    os.environ.update(environment)
    told = json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode()
    sys.argv, sys.stdin = [module.__name__], io.TextIOWrapper(io.BytesIO(told))
    try:
        module.main()
    except SystemExit:
        sys.stdout.flush()
        os._exit(0)
    finally:
        # Nothing of it goes on to the next line.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(1)


def _read_ahead() -> None:
    """Read the SDK's descriptions of the services once: in each process that would be most of its time."""
    read, list_services = JSONFileLoader.load_file, Loader.list_available_services
    by_path = cache(lambda path: read(JSONFileLoader(), path))
    by_type = cache(lambda type_name: list_services(Loader([Loader.BUILTIN_DATA_PATH]), type_name))
    patch.object(JSONFileLoader, "load_file", lambda _self, path: by_path(path)).start()
    patch.object(Loader, "list_available_services", lambda _self, type_name: by_type(type_name)).start()
    for service in (INSTANCE_CONNECT, TRANSFER):
        botocore.session.Session().create_client(service, region_name="us-east-1")


if __name__ == "__main__":
    main(sys.argv[1:])
