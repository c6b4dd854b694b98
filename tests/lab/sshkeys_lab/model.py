# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The constraints on an operation's input, read from botocore's service models. No pattern is copied."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from botocore.loaders import Loader

from .errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True)
class Member:
    """One top-level input member; a limit that the model lacks is None."""

    name: str
    kind: str
    required: bool
    minimum: int | None
    maximum: int | None
    pattern: str | None


@cache
def _service_model(service: str) -> dict[str, Any]:
    model: dict[str, Any] = Loader().load_service_model(service, "service-2")
    return model


@cache
def members(service: str, operation: str) -> tuple[Member, ...]:
    """Return the input members of `operation` of `service` (botocore's folder name, such as `transfer`)."""
    model = _service_model(service)
    shapes: dict[str, dict[str, Any]] = model["shapes"]
    request = shapes[model["operations"][operation]["input"]["shape"]]
    return tuple(
        Member(
            name=name,
            kind=shapes[reference["shape"]]["type"],
            required=name in request.get("required", ()),
            minimum=shapes[reference["shape"]].get("min"),
            maximum=shapes[reference["shape"]].get("max"),
            pattern=shapes[reference["shape"]].get("pattern"),
        )
        for name, reference in request["members"].items()
    )


def _unmet(member: Member, value: object) -> Iterator[str]:
    if isinstance(value, str):
        if member.minimum is not None and len(value) < member.minimum:
            yield f"Member must have length greater than or equal to {member.minimum}"
        if member.maximum is not None and len(value) > member.maximum:
            yield f"Member must have length less than or equal to {member.maximum}"
        # The services use Java's patterns: \w and \s are ASCII, and a pattern must match the whole value.
        if member.pattern is not None and not re.fullmatch(member.pattern, value, re.ASCII):
            yield f"Member must satisfy regular expression pattern: {member.pattern}"
    if isinstance(value, int):
        if member.minimum is not None and value < member.minimum:
            yield f"Member must have value greater than or equal to {member.minimum}"
        if member.maximum is not None and value > member.maximum:
            yield f"Member must have value less than or equal to {member.maximum}"


def _violations(service: str, operation: str, parameters: Mapping[str, object]) -> Iterator[str]:
    types: dict[str, type] = {"string": str, "integer": int}
    for member in members(service, operation):
        value = parameters.get(member.name)
        shown = "null" if value is None else f"'{value}'"
        where = f"Value {shown} at '{member.name[0].lower()}{member.name[1:]}' failed to satisfy constraint: "
        if value is None:
            if member.required:
                yield f"{where}Member must not be null"
        elif not isinstance(value, types.get(member.kind, object)):
            code = "SerializationException"
            raise ServiceError(code, f"{member.name} is not of the type {member.kind}.")
        else:
            yield from (where + unmet for unmet in _unmet(member, value))


def check(service: str, operation: str, parameters: Mapping[str, object], *, code: str) -> None:
    """Raise ServiceError with `code` and the services' wording if the model does not allow the input."""
    found = list(_violations(service, operation, parameters))
    if found:
        plural = "s" if len(found) > 1 else ""
        raise ServiceError(code, f"{len(found)} validation error{plural} detected: {'; '.join(found)}")
