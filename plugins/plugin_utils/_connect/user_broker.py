# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is asked of the broker of a user who logs in by hand, and what the user is told if it fails."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import (
    explain,
    lifetime,
    proxy_command,
    run_folder,
    user_folder,
)
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.settings import Settings
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.user_host import UserHost


def connect(user: str, port: str, host: UserHost, collection_paths: list[str], program: str) -> str | None:
    """Have the broker hand a connection to ssh, which is behind the standard output.

    The broker is started if it is not there. user, port: those that ssh connects with. program: the path of broker.py.
    Returns None, or what the user is told if there is no connection.
    """
    settings = _with_environment(host.settings(user, port, collection_paths))
    here = _working_folder()
    try:
        with user_folder.held(host.folder) as held:
            if host.public_key:
                run_folder.write_once(host.folder, host.text_of_public_key, ".pub")
            file = run_folder.write_once(host.folder, json.dumps(settings, sort_keys=True), ".json")
            answer = proxy_command.hand_over(
                file,
                here,
                run_folder.broker_name(program, here, reads_ssh=False),
                lambda: (lifetime.until_idle(int(host.idle_timeout), held), collection_paths),
                [held],
            )
    except ArgumentError as error:
        return f"{host.instance_id}: {error}"
    except OSError as error:
        proxy_command.let_ssh_go()
        return explain.failure("", settings, explain.unreachable_broker(error))
    status, told = answer[:1], answer[1:]
    if status == b"0":
        return None
    failure: Mapping[str, str] = json.loads(told)
    return f"{explain.failure('', settings, failure)}{_stale(failure['sentence'], host.written_to)}"


# Those of the connection's options that the SDK does not read, or not all of them. The last one counts, as for
# ansible-core.
_VARIABLES = {"region": ("EC2_REGION", "AWS_DEFAULT_REGION", "AWS_REGION"), "endpoint_url": ("AWS_URL",)}


def _with_environment(settings: Settings) -> Settings:
    """Return settings with what the file leaves to the shell, as the connection reads it."""
    found = {}
    for option, variables in _VARIABLES.items():
        named = [name for name in variables if os.environ.get(name)]
        if named and option not in settings["aws"]:
            found[option] = named[-1]
    region = found.get("region")
    return {
        **settings,
        "aws": {**settings["aws"], **{option: os.environ[name] for option, name in found.items()}},
        "region_source": f"{region} in the environment" if region else settings["region_source"],
    }


# Files that the SDK reads, and that a relative path may name.
_FILES = (
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
)


def _working_folder() -> str:
    """Return the working folder of the broker: the home folder, so that all of a user's shells share the broker."""
    named = [os.path.expanduser(os.environ[name]) for name in _FILES if os.environ.get(name)]
    home = os.path.expanduser("~")
    return home if os.path.isdir(home) and all(map(os.path.isabs, named)) else os.getcwd()


# What AWS says of an instance that is no more.
_GONE = re.compile("InstanceNotFound|InvalidInstanceID|InstanceStateInvalid|terminated|TargetNotConnected")


def _stale(sentence: str, file: str) -> str:
    """Return what to do if the file may name an instance that was replaced, as a sentence after a blank."""
    if not _GONE.search(sentence):
        return ""
    return (
        f" If the instance was replaced, {file} still names the old one: run ansible-playbook sshkeys.aws.ssh_config "
        "with its inventory again."
    )
