# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What a module takes, as data, and the refusal of private keys in any of it. Pure.

Two kinds of text are refused before anything else is done with the options, since a module's options come out again in
its result, in the log of the system and in the messages of ansible-core:

1. A text with the marks of a private key, in any option, known or not, at any depth.
2. A text that could be a line of one, without marks, where it is certain that the text is nothing else: in options that
   hold public keys, ids, names or zones, when it is no such thing; and where a number or a choice is wanted. Paths,
   credentials, tags and the like may look the same, and are left alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Callable, Collection, Iterator, Mapping, NamedTuple, Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError, SshKeysError, shown
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.errors import PublicKeyError
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.openssh import parse_public_keys
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.private import (
    PRIVATE_KEY,
    could_be_part_of_one,
    holds_private_key,
)

# Takes a text, and raises SshKeysError unless it can be the value of an option.
Check = Callable[[str], object]


@dataclass(frozen=True)
class Spec:
    """What a module takes.

    options: its argument spec, without the options of amazon.aws.
    elements: by option, the argument spec of the dicts in its list.
    checks: by option of either, what tells whether a text can be a value of it. For an option with ``elements`` the
      check is for a bare text in place of a dict.
    free_form: options whose names and values inside are the user's own, such as tags, and not options of the module.
    mutually_exclusive, required_one_of: as ansible-core takes them.
    """

    options: Mapping[str, Mapping[str, Any]]
    elements: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)
    checks: Mapping[str, Check] = field(default_factory=dict)
    free_form: Sequence[str] = ()
    mutually_exclusive: Sequence[Sequence[str]] = ()
    required_one_of: Sequence[Sequence[str]] = ()


class Refusal(NamedTuple):
    """Why a text in options is refused.

    sentence: does not repeat the text.
    secret: the text if it could be a private key; where one was split into a list, all texts that could be of it.
    """

    sentence: str
    secret: str


class PrivateKeyError(ArgumentError):
    """An option holds a private key, or a part of one."""


def refuse_private_keys(spec: Spec, options: Mapping[str, Any]) -> None:
    """Raise PrivateKeyError where options hold a private key, or a part of one."""
    refusals = private_keys(spec, options)
    if refusals:
        raise PrivateKeyError(told(refusals))


def told(refusals: Sequence[Refusal]) -> str:
    """Return what is told of refusals, as one text."""
    return " ".join(dict.fromkeys(refusal.sentence for refusal in refusals))


def private_keys(spec: Spec, options: Mapping[str, Any]) -> list[Refusal]:
    """Return the refusals of private keys in options, and of what could be parts of one, in the order of the options.

    What else is wrong in an option that holds one is among them. The list is empty where no text could be a secret.
    options: as a user gives them, with aliases and with names that the module does not know.
    """
    known = {name: about for of in (spec.options, *spec.elements.values()) for name, about in of.items()}
    names = {alias: name for name, about in known.items() for alias in (name, *about.get("aliases", ()))}
    free = {alias for alias, name in names.items() if name in spec.free_form}
    texts = [(names.get(text.option, ""), text) for text in _texts(options, "", "", free)]
    # A check reads a text to its end, so it is for those options only that could have something to hide.
    doubtful = {name for name, text in texts if holds_private_key(text.text) or could_be_part_of_one(text.text)}
    found: list[tuple[str, Refusal]] = []
    for name, (place, _given, text, whole) in texts:
        if name not in doubtful:
            continue
        if holds_private_key(text):
            found.append((name, Refusal(f"{place}: {PRIVATE_KEY}", whole)))
            continue
        check = spec.checks.get(name) or _check_of(known.get(name, {}), place)
        sentence = _fault(check, text, place) if check else ""
        if not sentence:
            continue
        is_secret = could_be_part_of_one(text)
        if not is_secret and shown(text) in sentence:
            # The last line of a private key is short.
            sentence = f"{place}: It stands beside a private key, so it is not shown here."
        found.append((name, Refusal(sentence, whole if is_secret else "")))
    suspects = {name for name, refusal in found if refusal.secret}
    return [refusal for name, refusal in found if name in suspects]


def check_public_keys(text: str) -> None:
    """Raise PublicKeyError unless a text holds public keys and nothing else, of whatever type."""
    parse_public_keys(text, leave_out=lambda _unsupported: None)


def _fault(check: Check, text: str, place: str) -> str:
    """Return why a text cannot be the value of an option, empty if it can."""
    try:
        check(text)
    except PublicKeyError as error:
        return f"{place}: {error}"
    except SshKeysError as error:
        return str(error)
    return ""


def _check_of(option: Mapping[str, Any], place: str) -> Check | None:
    """Return a check for an option that takes no free text, None for any other."""
    kind, choices = option.get("type"), option.get("choices")
    if kind not in ("int", "bool") and not choices:
        return None
    wanted = (
        f"one of {', '.join(choices)}" if choices else {"int": "a whole number", "bool": "true or false"}[str(kind)]
    )

    def refuse(text: str) -> None:
        raise ArgumentError(f"{place} is {shown(text)}, and must be {wanted}.")

    return refuse


# What may stand in the name of a place: another name could be part of a private key itself.
_NAME = re.compile(r"[A-Za-z0-9_-]{1,30}")


class _Text(NamedTuple):
    """A text inside options.

    place: where it stands. option: the name under which it stands, as the user spells it.
    whole: if it is an element of a list, all texts there that could be of a private key, a text a line; otherwise the
      text itself.
    """

    place: str
    option: str
    text: str
    whole: str


def _texts(value: Any, place: str, name: str, free: Collection[str], whole: str | None = None) -> Iterator[_Text]:
    """Yield each text inside options.

    free: the options, with aliases, inside which a name is not that of an option. whole: that of the list which the
    value is an element of.
    """
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield _Text(place or "The options", "", str(key), str(key))
            is_name = bool(_NAME.fullmatch(str(key)))
            inside = f"{place}.{key}" if place else str(key)
            inner_name = name if name in free else str(key)
            yield from _texts(inner, inside if is_name else place or "An option", inner_name, free)
    elif isinstance(value, (list, tuple)):
        texts = [inner for inner in value if isinstance(inner, str)]
        together = "\n".join(text for text in texts if holds_private_key(text) or could_be_part_of_one(text))
        for position, inner in enumerate(value):
            yield from _texts(inner, f"{place}[{position}]", name, free, together)
    elif isinstance(value, str):
        yield _Text(place, name, value, value if whole is None else whole)
