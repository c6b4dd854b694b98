# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The SDK, where it is and where it is not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._aws import sdk
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import SetUpError, hint_for_sdk_error
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError

COLLECTIONS = str(Path(str(sdk.__file__)).parents[6])
# In a process of its own, in which Python finds no such package.
WITHOUT_THE_SDK = """
import json, sys
sys.modules.update(dict.fromkeys(["boto3", "botocore"]))
from ansible_collections.sshkeys.aws.plugins.module_utils._aws import sdk
try:
    sdk.require_sdk()
    said = ""
except sdk.SetUpError as error:
    said = str(error)
print(json.dumps({"has": sdk.HAS_SDK, "never_sent": len(sdk.NEVER_SENT), "said": said}))
"""


def test_where_the_sdk_is_nothing_is_said() -> None:
    assert sdk.HAS_SDK
    sdk.require_sdk()


def test_where_the_sdk_is_not_the_python_that_needs_it_is_named() -> None:
    places = os.pathsep.join([COLLECTIONS, *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_THE_SDK],
        env={**os.environ, "PYTHONPATH": places},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["has"], told["never_sent"]) == (False, 0)
    assert told["said"].startswith(f"{sys.executable} lacks the Python packages boto3 and botocore.")


def test_it_is_a_set_up_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sdk, "HAS_SDK", False)
    with pytest.raises(SetUpError, match="pip install boto3"):
        sdk.require_sdk()


@pytest.mark.parametrize("name", [sdk.EC2, sdk.INSTANCE_CONNECT, sdk.TRANSFER])
def test_the_services_are_those_of_the_sdk(name: str) -> None:
    assert name in botocore.session.get_session().get_available_services()


def test_what_never_left_this_host_leaves_no_doubt() -> None:
    names = {
        "ConnectTimeoutError",
        "EndpointConnectionError",
        "NoCredentialsError",
        "ParamValidationError",
        "ProxyConnectionError",
        "SSLError",
    }
    assert {error.__name__ for error in sdk.NEVER_SENT} == names


def test_what_was_perhaps_sent_is_not_among_what_never_was() -> None:
    assert not any(issubclass(error, sdk.NEVER_SENT) for error in (ConnectionClosedError, ReadTimeoutError))


@pytest.mark.parametrize(
    "name", [error.__name__ for error in sdk.NEVER_SENT if error.__name__ != "ParamValidationError"]
)
def test_for_what_was_never_sent_there_is_something_to_do(name: str) -> None:
    (kind,) = [error for error in sdk.NEVER_SENT if error.__name__ == name]
    # What botocore puts into the words of each.
    details: dict[str, Any] = {"endpoint_url": "x", "proxy_url": "x", "error": "x"}
    assert hint_for_sdk_error(kind(**details)) != hint_for_sdk_error(Exception())


@pytest.mark.parametrize(("status", "is_theirs"), [(499, False), (500, True), (503, True), (599, True), (600, False)])
def test_whose_fault_a_status_tells(status: int, is_theirs: bool) -> None:
    assert (status in sdk.SERVER_ERRORS) == is_theirs
