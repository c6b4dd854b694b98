# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The service models that botocore ships, as the truth about what a service takes."""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.sshkeys.aws.tests.unit.sdk_data import shared
from hypothesis import strategies as st

EC2_INSTANCE_CONNECT, TRANSFER = "ec2-instance-connect", "transfer"
SERVICES = (EC2_INSTANCE_CONNECT, TRANSFER)


def model(service: str) -> dict[str, Any]:
    """Return the model of a service."""
    found: dict[str, Any] = shared().loader.load_service_model(service, "service-2")
    return found


_SHAPES: dict[str, dict[str, Any]] = {
    name: shape for service in SERVICES for name, shape in model(service)["shapes"].items()
}


def shape(name: str) -> dict[str, Any]:
    """Return what the model says of a parameter's type, such as ``InstanceId``."""
    return _SHAPES[name]


def allows(name: str, value: str) -> bool:
    """Whether the model allows a string for a parameter's type."""
    rules = shape(name)
    # The services' own \w and \d are ASCII, as those of every regular expression engine but Python's.
    return rules["min"] <= len(value) <= rules["max"] and bool(re.fullmatch(rules["pattern"], value, re.ASCII))


def near(name: str) -> st.SearchStrategy[str]:
    """Return strings that the model allows for a parameter's type, some a few changes away, and others."""
    rules = shape(name)
    allowed = st.from_regex(re.compile(rules["pattern"], re.ASCII), fullmatch=True)
    news = st.sampled_from(["", "\n", "$", "@", "-", "\\", " ", "a", "9", ".", "_", "Z", "é", "٣", "\x00"])
    changed = st.builds(_changed, allowed, st.integers(0, 33), st.integers(0, 2), news)
    lengths = [rules["min"] - 1, rules["min"], rules["max"], rules["max"] + 1]
    stretched = st.builds(_stretched, allowed, st.sampled_from(lengths), st.booleans())
    return st.one_of(
        allowed, changed, stretched, st.builds(_changed, changed, st.integers(0, 9), st.just(1), news), _any_text
    )


_any_text = st.text(max_size=40)


def _changed(value: str, at: int, lost: int, new: str) -> str:
    return value[:at] + new + value[at + lost :]


def _stretched(value: str, length: int, whole: bool) -> str:
    """Make a string as long as the model allows, or as short, or one beyond."""
    if not value:
        return value
    return (value * length)[:length] if whole else (value + value[-1] * length)[:length]
