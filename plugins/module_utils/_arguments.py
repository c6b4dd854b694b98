# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Checks of options beyond an argument spec: lists of names or dicts, and public keys."""

from __future__ import annotations

from functools import partial
from typing import Any, Callable, Iterator, Mapping, Sequence

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError, shown, type_name
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.errors import (
    NoKeyError,
    PublicKeyError,
    UnsupportedTypeError,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.openssh import (
    PublicKey,
    parse_public_key,
    parse_public_keys,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.policy import judge_for_removal

# A judge takes a key, returns warnings, and raises PublicKeyError.
Judge = Callable[[PublicKey], "list[str]"]


def expand(elements: Sequence[Any], *, option: str, name: str, spec: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Turn a list of names or dicts into a list of dicts.

    elements: the option's value; a bare string stands for a dict that holds only ``name``.
    spec: the argument spec of such a dict.
    Returns dicts with every option of the spec; an omitted option is None.
    Raises ArgumentError with every fault of the list.
    """
    validator = ArgumentSpecValidator(spec)
    known = {name for option, details in spec.items() for name in (option, *details.get("aliases", []))}
    expanded, faults = [], []
    for position, element in enumerate(elements):
        values = {name: element} if isinstance(element, str) else element
        if not isinstance(values, dict):
            of_null = ", probably from a variable without a value" if element is None else ""
            faults.append(
                f"{option}[{position}] must be a string or a dict, and is of type {type_name(element)}{of_null}"
            )
            continue
        unknown = [str(key) for key in values if key not in known]
        if unknown:
            place, names = f"{option}[{position}]", ", ".join(shown(key) for key in unknown)
            faults.append(f"{place} has unsupported options: {names}. The options are {', '.join(sorted(spec))}")
            continue
        nulls = [
            key for key, details in spec.items() if details.get("required") and key in values and values[key] is None
        ]
        if nulls:
            faults.append(f"{option}[{position}]: {nulls[0]} is null, probably from a variable without a value")
            continue
        misfits = faults_of_inner_options(spec, values)
        if misfits:
            faults += [f"{option}[{position}]: {misfit}" for misfit in misfits]
            continue
        validated = validator.validate(values)
        faults += [f"{option}[{position}]: {message.rstrip('.')}" for message in validated.error_messages]
        expanded.append(validated.validated_parameters)
    if faults:
        raise ArgumentError(f"{'; '.join(faults)}.")
    return expanded


def faults_of_inner_options(spec: Mapping[str, Any], values: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with options that have options inside and are no dicts, each without a full stop.

    ansible-core's validator raises a TypeError for a number or a boolean there, instead of an error of its own.
    """
    found = []
    for name in (name for name, about in spec.items() if about.get("options")):
        value: Any = values.get(name)
        is_list = isinstance(value, (list, tuple))
        for position, element in enumerate(value if is_list else [value]):
            # It converts a text.
            if isinstance(element, (Mapping, str)) or (element is None and not is_list):
                continue
            place = f"{name}[{position}]" if is_list else name
            found.append(f"{place} must be a dict, and is of type {type_name(element)}")
    return found


def one_public_key(text: str, option: str, judge: Judge) -> tuple[PublicKey, list[str]]:
    """Read an option that holds one public key. Returns the key and warnings. Raises ArgumentError."""
    try:
        key = parse_public_key(text)
        return key, judge(key)
    except PublicKeyError as error:
        raise ArgumentError(f"{option}: {error}") from None


def public_keys(
    value: Any, option: str, judge: Judge, *, unsupported_keys: str = "fail", if_empty: str | None = ""
) -> tuple[tuple[PublicKey, ...], list[str]]:
    """Read an option that holds public keys: a string or a list of strings, each with one key or more.

    unsupported_keys: what to do with an intact key of a type that the service does not accept: ``skip`` it with a
    warning, or ``fail``.
    if_empty: the end of the error if no text has a key; None accepts that. If only some texts have keys, the texts
    without one are always an error.
    Returns each key once, in order, and warnings. The caller decides about an empty list.
    Raises ArgumentError that names every unusable key, so that nothing is sent before all keys are judged.
    """
    return judged_keys(list(_texts(value, option)), option, judge, unsupported_keys=unsupported_keys, if_empty=if_empty)


def judged_keys(
    texts: Sequence[tuple[str, Any]],
    option: str,
    judge: Judge,
    *,
    unsupported_keys: str,
    if_empty: str | None,
    how_to_skip: str = "unsupported_keys=skip",
) -> tuple[tuple[PublicKey, ...], list[str]]:
    """Do what public_keys does, for pairs of a place and a text, such as ``("public_keys[0]", "ssh-ed25519 AAAA…")``.

    how_to_skip: the setting, for the error, that skips keys of types that the service does not accept.
    """
    reading = _Reading(judge, unsupported_keys == "skip", if_empty, how_to_skip)
    for place, text in texts:
        reading.read(place, text)
    faults = reading.faults + reading.faults_of_the_whole(option)
    if faults:
        raise ArgumentError(" ".join(faults))
    return tuple(reading.keys.values()), reading.warnings


class _Reading:
    """The state of reading one option: the keys by their identity, warnings and faults."""

    def __init__(self, judge: Judge, is_skipping: bool, if_empty: str | None, how_to_skip: str) -> None:
        self._judge, self._is_skipping, self._if_empty = judge, is_skipping, if_empty
        self._how_to_skip = how_to_skip
        self.keys: dict[tuple[str, bytes], PublicKey] = {}
        self.left_out: list[str] = []
        self.warnings: list[str] = []
        self.faults: list[str] = []
        self._empty: list[str] = []

    def read(self, place: str, text: Any) -> None:
        """Read one text. place: its place, for a sentence."""
        if not isinstance(text, str):
            self.faults.append(f"{place} must be a string, and is of type {type_name(text)}.{_about_type(text)}")
            return
        leave_out = partial(self._leave_out, place) if self._is_skipping else None
        try:
            for key in parse_public_keys(text, leave_out=leave_out):
                if key.identity not in self.keys:
                    self._take(place, key)
        except NoKeyError as error:
            self._empty.append(f"{place}: {error}")
        except UnsupportedTypeError as error:
            self.faults.append(f"{place}: {self._refusal(error)}")
        except PublicKeyError as error:
            self.faults.append(f"{place}: {error}")

    def faults_of_the_whole(self, option: str) -> list[str]:
        """Return the faults of all texts together, after the last one was read."""
        found = []
        if self.left_out and not self.keys:
            names = ", ".join(dict.fromkeys(self.left_out))
            found.append(
                f"{option}: No key remains, because the service does not accept {names}. Give a key of a supported "
                "type, such as ssh-ed25519."
            )
        if self._empty and (self.keys or self.faults or self.left_out):
            # Some keys are declared, and others are missing.
            found += [f"{said} Check the file or the lookup that it comes from, or remove it." for said in self._empty]
        elif self._empty and self._if_empty is not None:
            found.append(f"{' '.join(self._empty)} {self._if_empty}".rstrip())
        return found

    def _refusal(self, error: UnsupportedTypeError) -> str:
        way_out = f"set {self._how_to_skip}, which skips keys of this type."
        if self._judge is judge_for_removal:
            return f"The service accepts no {error.key_type} keys, so no user has {error.name}. Remove it, or {way_out}"
        return f"{error} Or {way_out}"

    def _take(self, place: str, key: PublicKey) -> None:
        try:
            self.warnings += self._judge(key)
        except UnsupportedTypeError as error:
            if not self._is_skipping:
                raise
            self._leave_out(place, error)
        else:
            self.keys[key.identity] = key

    def _leave_out(self, place: str, error: UnsupportedTypeError) -> None:
        self.left_out.append(f"{error.name} of type {error.key_type}")
        self.warnings.append(f"{place}: The service does not accept {self.left_out[-1]}, so this key is skipped.")


def _about_type(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return " A query() returns a list: do not put it into another list, and join lists with +."
    return " A variable without a value is null." if value is None else ""


def _texts(value: Any, option: str) -> Iterator[tuple[str, Any]]:
    """Yield the place and the value of each text of an option."""
    if isinstance(value, (list, tuple)):
        for position, text in enumerate(value):
            yield f"{option}[{position}]", text
    else:
        yield option, value


def check_concurrency(concurrency: int) -> None:
    """Raise ArgumentError unless concurrency is at least 1."""
    if concurrency < 1:
        raise ArgumentError(f"concurrency is {concurrency}, and must be 1 or more.")
