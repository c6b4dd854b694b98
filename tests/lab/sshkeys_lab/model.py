# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The constraints on an operation's input, read from botocore's service models. No pattern is copied."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from botocore.loaders import Loader

from .errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_TYPES: dict[str, type] = {
    "string": str,
    "integer": int,
    "long": int,
    "boolean": bool,
    "list": list,
    "structure": dict,
    "map": dict,
}


@cache
def load(service: str) -> dict[str, Any]:
    """Return the model of a service (botocore's folder name, such as `transfer`). The first call takes long."""
    model: dict[str, Any] = Loader().load_service_model(service, "service-2")
    return model


def _limits(shape: Mapping[str, Any], size: int, what: str) -> Iterator[str]:
    if "min" in shape and size < shape["min"]:
        yield f"Member must have {what} greater than or equal to {shape['min']}"
    if "max" in shape and size > shape["max"]:
        yield f"Member must have {what} less than or equal to {shape['max']}"


def _unmet(shape: Mapping[str, Any], value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield from _limits(shape, len(value), "length")
        # The services use Java's patterns: \w and \s are ASCII, and a pattern must match the whole value.
        if "pattern" in shape and not re.fullmatch(shape["pattern"], value, re.ASCII):
            yield f"Member must satisfy regular expression pattern: {shape['pattern']}"
        if "enum" in shape and value not in shape["enum"]:
            yield f"Member must satisfy enum value set: [{', '.join(shape['enum'])}]"
    elif isinstance(value, int):
        yield from _limits(shape, value, "value")
    elif isinstance(value, list):
        yield from _limits(shape, len(value), "length")


def _inner(
    shapes: Mapping[str, Any], shape: Mapping[str, Any], value: object, place: str
) -> Iterator[tuple[Mapping[str, Any], object, str, bool]]:
    """Give what is in a value: shape, value, place as the services write it, and whether it is required."""
    if isinstance(value, dict) and shape["type"] == "structure":
        for name, reference in shape["members"].items():
            where = f"{place}.{name[0].lower()}{name[1:]}".removeprefix(".")
            yield shapes[reference["shape"]], value.get(name), where, name in shape.get("required", ())
    elif isinstance(value, list):
        for number, each in enumerate(value, 1):
            yield shapes[shape["member"]["shape"]], each, f"{place}.{number}.member", True


def _violations(shapes: Mapping[str, Any], shape: Mapping[str, Any], value: object, place: str = "") -> Iterator[str]:
    for inner, found, where, required in _inner(shapes, shape, value, place):
        shown = "null" if found is None else f"'{found}'"
        failed = f"Value {shown} at '{where}' failed to satisfy constraint: "
        if found is None:
            if required:
                yield f"{failed}Member must not be null"
            continue
        is_bool = isinstance(found, bool)
        if not isinstance(found, _TYPES.get(inner["type"], object)) or is_bool is not (inner["type"] == "boolean"):
            code = "SerializationException"
            raise ServiceError(code, f"{where} is not of the type {inner['type']}.")
        yield from (failed + unmet for unmet in _unmet(inner, found))
        yield from _violations(shapes, inner, found, where)


def check(service: str, operation: str, parameters: Mapping[str, object], *, code: str) -> None:
    """Raise ServiceError with `code` and the services' wording if the model does not allow the input, at any depth."""
    model = load(service)
    request = model["shapes"][model["operations"][operation]["input"]["shape"]]
    found = list(_violations(model["shapes"], request, parameters))
    if found:
        plural = "s" if len(found) > 1 else ""
        raise ServiceError(code, f"{len(found)} validation error{plural} detected: {'; '.join(found)}")
