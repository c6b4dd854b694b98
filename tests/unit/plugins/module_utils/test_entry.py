# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the front of a module hides and shows, and how errors become reports."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._entry import front
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.module_utils._report import Report
from ansible_collections.sshkeys.aws.tests.unit import keys
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

PUBLIC = keys.key_pair("ed25519").line
PRIVATE = keys.key_pair("ed25519").private
# The inside of a PEM file, pasted without its first and last line: nothing in it says what it is.
BARE = "".join(
    ed25519.Ed25519PrivateKey.generate()
    .private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    .decode()
    .splitlines()[1:-1]
)


class Module:
    """As much of AnsibleAWSModule as a front needs: options, and the values that ansible-core blots out of a result."""

    check_mode = False

    def __init__(self, no_log: set[str], **params: Any) -> None:
        """Make a module whose argument spec has declared some values no_log."""
        self.params = params
        self.no_log_values = set(no_log)


def hidden_after(no_log: set[str], **params: Any) -> set[str]:
    """Return what is blotted out of the result of a run with these options."""
    module: Any = Module(no_log, **params)
    front(module, lambda *_params, **_options: Report(), "transfer")
    hidden: set[str] = module.no_log_values
    return hidden


@pytest.mark.parametrize(
    ("params", "hidden"),
    [
        ({"public_key": PUBLIC}, set()),
        ({"public_keys": [PUBLIC, PRIVATE]}, {PRIVATE}),
        ({"public_keys": [f"{PUBLIC}\n{PRIVATE}"]}, {f"{PUBLIC}\n{PRIVATE}"}),
        ({"public_keys": [BARE]}, {BARE}),
        ({"public_keys": "ssh-ed25519"}, set()),
        ({"users": ["partner", "auditor"]}, set()),
        ({"users": ["partner", PRIVATE, BARE]}, {"partner", PRIVATE, BARE}),
        ({"public_keys": [PUBLIC, *PRIVATE.splitlines()]}, {*PRIVATE.splitlines()}),
        ({"users": [{"user_name": "partner", "ssh_public_key_body": PUBLIC}]}, set()),
        ({"users": [{"user_name": "partner", "ssh_public_key_body": PRIVATE, "no_such_name": BARE}]}, {PRIVATE, BARE}),
        ({"users": [{"user_name": "partner", "state": "absent", "exclusive": True, "public_keys": None}]}, set()),
    ],
)
def test_only_what_could_be_a_secret_stays_hidden(params: dict[str, Any], hidden: set[str]) -> None:
    """Keys are hidden until they turn out to be public, whatever the option is called."""
    assert hidden_after(set(_strings(params)), **params) == hidden


def _strings(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for inner in value.values() for text in _strings(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in _strings(inner)]
    return [] if value is None else [str(value)]


class WrappingModule:
    """As much of AnsibleAWSModule as amazon.aws 9.0.0 has of it: a few attributes, and the module that it wraps."""

    check_mode = False

    def __init__(self, no_log: set[str], **params: Any) -> None:
        """Make a module whose argument spec has declared some values no_log."""
        self._module = Module(no_log, **params)
        self.params = params


def test_the_first_amazon_aws_9_will_do() -> None:
    """It hands on no attribute of the module that it wraps."""
    module: Any = WrappingModule({PUBLIC}, public_keys=[PUBLIC, PRIVATE])
    front(module, lambda *_params, **_options: Report(), "transfer")
    assert module._module.no_log_values == {PRIVATE}


def test_a_private_key_is_hidden_in_any_option() -> None:
    """Also where nobody expects a key."""
    assert hidden_after(set(), user_name=PRIVATE, server_id="s-01234567890abcdef") == {PRIVATE}


def test_credentials_stay_hidden() -> None:
    """Even if another option happens to have the same value."""
    assert hidden_after({"secret", "token"}, secret_key="secret", session_token="token", user_name="secret") == {
        "secret",
        "token",
    }


def test_a_typed_error_is_a_failed_report() -> None:
    """Errors raised on purpose become the sentence of the report; all others are faults of the program."""

    def refuse(*_params: Any, **_options: Any) -> Report:
        raise ArgumentError("No.")

    def break_down(*_params: Any, **_options: Any) -> Report:
        raise ZeroDivisionError

    module: Any = Module(set())
    assert front(module, refuse, "transfer") == Report(failure="No.")
    with pytest.raises(ZeroDivisionError):
        front(module, break_down, "transfer")
