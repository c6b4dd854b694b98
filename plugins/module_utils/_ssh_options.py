# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Names, paths and options on the command line of OpenSSH: how it reads and expands them. Pure.

Sources: OpenSSH 7.6 to 10.5, ssh.c, sftp.c, scp.c, misc.c (argv_split, colon, vdollar_percent_expand) and readconf.c.
The connection loads this file for each task of each host, so it imports as little as it can.
"""

from __future__ import annotations

import re
from typing import Iterator, Sequence

# Characters of a host name (RFC 1035).
_LONGEST_NAME = 253
# ssh refuses a name that begins with "-", or that has a blank, a control character, a comma or one of '`"$\;&<>|(){}
# (valid_hostname of 9.6, ssh_valid_hostname of 10.5; older versions accept some of them). It reads "@" as the end of a
# user name and "://" as a URL. sftp and scp, which get [NAME], read a slash or a bracket as the end of the name.
_NOT_IN_A_NAME = frozenset("'`\"$\\;&<>|(){},@/[]\x7f" + "".join(map(chr, range(33))))


def name_for_ssh(host: str, instance_id: str) -> str:
    """Return the destination for ssh, sftp and scp: the name of the host if all of them accept it as a name.

    ``Host`` blocks in the configuration of ssh then apply to it. Otherwise it is the instance id.
    """
    is_a_name = 0 < len(host) <= _LONGEST_NAME and not host.startswith("-") and _NOT_IN_A_NAME.isdisjoint(host)
    return host if is_a_name else instance_id


class Told:
    """An option in arguments of ssh: its keyword in lower case, its value, and its text as written."""

    def __init__(self, keyword: str, value: str, text: str) -> None:
        self.keyword, self.value, self.text = keyword, value, text


# The letters that take a value. ssh -P took none before 9.4.
_WITH_VALUE = {
    "ssh": "BDEFIJLOPQRSWbceilmopw",
    "sftp": "BDFJPRSXbcilos",
    "scp": "DFJMPSXcilo",
}


def options_in(words: Sequence[str], program: str) -> Iterator[Told]:
    """Yield the options that arguments set with ``-o`` and ``-J``, also after other letters, as in ``-vJ bastion``.

    words: the arguments of the program. program: "ssh", "sftp" or "scp", whose letters differ.
    """
    for letter, value in letters_in(words, program):
        if letter == "J":
            yield Told("proxyjump", value, f"-J {value}")
        if letter == "o":
            keyword, of_keyword = _split_option(value)
            if keyword:
                yield Told(keyword.lower(), of_keyword, f"-o {value}")


def letters_in(words: Sequence[str], program: str) -> Iterator[tuple[str, str]]:
    """Yield each letter that takes a value in arguments of ssh, and its value. The parameters are as for options_in."""
    left = iter(words)
    for word in left:
        letters = word[1:] if word.startswith("-") and not word.startswith("--") else ""
        for index, letter in enumerate(letters):
            if letter in _WITH_VALUE[program]:
                yield letter, letters[index + 1 :] or next(left, "")
                break


def _split_option(text: str) -> tuple[str, str]:
    """Return the keyword and the value of ``KEYWORD VALUE``, ``KEYWORD=VALUE`` or ``KEYWORD = VALUE``."""
    text = text.lstrip(" \t\r\n").removeprefix('"')
    end = next((index for index, character in enumerate(text) if character in '="' or character.isspace()), len(text))
    return text[:end], text[end:].removeprefix('"').lstrip(" \t\r\n=").rstrip(" \t\r\n\f")


class UnusablePathError(ValueError):
    """No option of ssh can hold a path. ``str()`` is the end of a sentence whose subject holds the path."""


def escaped(path: str, *, expands: bool = True) -> str:
    r"""Return a path escaped for double quotes in an option of ssh.

    expands: whether the option has tokens such as ``%h`` and variables such as ``${HOME}``: IdentityFile and
    ControlPath do, GlobalKnownHostsFile does not. Raises UnusablePathError for ``${``, which has no escape there.
    """
    if expands:
        if "${" in path:
            raise UnusablePathError(
                "contains '${', which ssh expands as an environment variable, and which cannot be escaped. Use a path "
                "without it."
            )
        path = path.replace("%", "%%")
    if "\\" not in path and '"' not in path:
        return path
    # A backslash before any other character is not an escape, and older versions have no escapes.
    return re.sub(r"""\\(?=['"\\]|\Z)""", r"\\\\", path).replace('"', '\\"')


def quoted(path: str, *, expands: bool = True) -> str:
    """Return a path in quotes as the value of an option of ssh. See ``escaped``."""
    return f'"{escaped(path, expands=expands)}"'


def has_escapes(path: str) -> bool:
    """Return whether a path needs escapes in an option, which ssh supports since 8.7 (argv_split in readconf.c)."""
    return escaped(path, expands=False) != path


def proxy_command(words: Sequence[str]) -> str:
    """Return a program and its arguments as the value of ProxyCommand, which a shell runs."""
    return " ".join(_shell_word(word) for word in words).replace("%", "%%")


def _shell_word(word: str) -> str:
    r"""Return a word quoted for a shell and for ssh, which refuses an option with an unpaired quote.

    For ssh a backslash escapes a quotation mark even in single quotes; for a shell it does not. So a backslash is
    written in double quotes, as ``"\\"``, which both read alike.
    """
    if "\\" not in word and "'" not in word:
        return f"'{word}'"
    parts = re.findall(r"\\|'|[^\\']+", word)
    return "".join({"\\": '"\\\\"', "'": '"\'"'}.get(part, f"'{part}'") for part in parts) or "''"
