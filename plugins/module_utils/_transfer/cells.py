# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Values of options of a Transfer Family user as text: in a cell of a table, or on the command line. Pure.

A list has ``;`` or a line break between its elements, a pair has ``=`` between its name and its value. What does not
fit into that form is written as JSON. Blanks around elements do not count, and empty elements are passed over.

Each reader returns a value as the module transfer_user takes it, and raises ArgumentError with a sentence about the
text that does not show the text.
"""

from __future__ import annotations

import json
import re
from typing import Any, Iterable, Mapping

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError, type_name

_SEPARATORS = re.compile(r"[;\r\n]")
_IDS = re.compile(r"[;,\s]+")
# The type of a key, and the beginning of its base64, which is the length of that type: always less than 2**16.
_NEXT_KEY = re.compile(r"[,;]\s*(?=(?:ssh|ecdsa|sk-ssh|sk-ecdsa)-[\w@.-]+\s+AAAA)")
_LARGEST_ID = 2**32 - 1
# What takes a path or the keys of a user away. An empty cell says nothing.
NOTHING = "[]"
_USER_NAME = re.compile(r"(?<![{$])\{user_name\}(?!\})")
# Not ${Transfer:UserName}, which is of AWS.
_LIKE_USER_NAME = re.compile(r"(?<!\$)\{[^{}]*(?:user|name)[^{}]*\}", re.IGNORECASE)


def read_list(text: str) -> list[str]:
    """Return the elements of a list."""
    return [element for element in map(str.strip, _SEPARATORS.split(text)) if element]


def read_mappings(text: str) -> list[dict[str, Any]]:
    """Return home_directory_mappings, such as ``/=/bucket/home; /incoming=/bucket/in``, or a list as JSON."""
    if text.startswith(("[", "{")):
        value = _json(text)
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            raise ArgumentError("It must be a list of mappings, each with entry and target.")
        return mappings_of(value)
    return mappings_of(dict(zip(("entry", "target"), pair)) for pair in _pairs(text, "/=/bucket/home"))


def mappings_of(given: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return home_directory_mappings. Raises ArgumentError for a path as read_path does."""
    mappings = [dict(each) for each in given]
    for path in (path for mapping in mappings for path in mapping.values() if isinstance(path, str)):
        _check_user_name(path)
    return mappings


def read_path(text: str) -> str:
    """Return an absolute path, in which ``{user_name}`` may stand for the name of the user."""
    if not text.startswith("/"):
        raise ArgumentError("It must begin with /, such as /bucket/home.")
    _check_user_name(text)
    return text


def read_home(text: str) -> str:
    """Return a path as read_path does, or an empty text for ``[]``, which takes the path away."""
    return "" if text == NOTHING else read_path(text)


def _check_user_name(path: str) -> None:
    # All users would share the folder of that name.
    if _LIKE_USER_NAME.search(_USER_NAME.sub("", path)):
        raise ArgumentError("It has braces that stand for nothing. Write {user_name} for the name of the user.")


def with_user_name(path: str, user_name: str) -> str:
    """Return a path with the name of a user in place of ``{user_name}``."""
    return _USER_NAME.sub(lambda _found: user_name, path)


def read_tags(text: str) -> dict[str, Any]:
    """Return tags, such as ``team=finance; env=prod``, or a mapping as JSON."""
    if text.startswith("{"):
        return tags_of(_json(text))
    pairs = _pairs(text, "team=finance")
    names = [name for name, _value in pairs]
    if len(set(names)) < len(names):
        raise ArgumentError("It has a tag twice. Remove one of them.")
    return dict(pairs)


def tags_of(value: Any) -> dict[str, Any]:
    """Return tags. Raises ArgumentError unless it is a mapping of names to simple values."""
    if not isinstance(value, Mapping):
        raise ArgumentError(f"It must be a mapping of names to values, and is of type {type_name(value)}.")
    if not all(isinstance(each, (str, int, float)) for each in value.values()):
        raise ArgumentError("The value of a tag must be a text.")
    return dict(value)


def read_policy(text: str) -> str:
    """Return a session policy, which is JSON, as it is."""
    if not isinstance(_json(text), dict):
        raise ArgumentError('It must be a policy, a JSON object such as {"Version": "2012-10-17", …}.')
    return text


def read_id(text: str) -> int:
    """Return a POSIX id."""
    if not re.fullmatch("[0-9]{1,10}", text) or int(text) > _LARGEST_ID:
        raise ArgumentError(f"It must be a whole number from 0 to {_LARGEST_ID}.")
    return int(text)


def read_ids(text: str) -> list[int]:
    """Return POSIX ids with ``;``, commas or blanks between them, or a list as JSON."""
    return [read_id(each) for each in _IDS.split(text.strip("[] \t")) if each]


def separate_keys(text: str) -> str:
    """Return text with public keys in which each key that follows a comma or a ``;`` has a line of its own."""
    return _NEXT_KEY.sub("\n", text)


def _pairs(text: str, example: str) -> list[tuple[str, str]]:
    pairs = []
    for element in read_list(text):
        name, equals, value = (part.strip() for part in element.partition("="))
        if not equals or not name:
            raise ArgumentError(
                f"Write each element as NAME=VALUE, such as {example}, with ; between them. What does not fit into "
                "that form can be written as JSON."
            )
        pairs.append((name, value))
    return pairs


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        # The message of json names a position, and not the text.
        raise ArgumentError(f"It is not JSON: {error}.") from None
    except RecursionError:
        raise ArgumentError("It is JSON that is nested too deeply.") from None
