# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a text is refused that is no public key."""

from __future__ import annotations

import traceback
from collections.abc import Callable

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.errors import PublicKeyError
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.openssh import parse_public_keys


def refusal(text: str, parse: Callable[[str], object] = parse_public_keys) -> str:
    """Return the sentence with which a text is refused."""
    with pytest.raises(PublicKeyError) as caught:
        parse(text)
    return str(caught.value)


def everything_said(text: str, parse: Callable[[str], object]) -> tuple[str, str]:
    """Return the sentence of a refusal, and all that an error handler could print of it."""
    with pytest.raises(PublicKeyError) as caught:
        parse(text)
    error: BaseException | None = caught.value
    said = ["".join(traceback.format_exception(caught.value))]
    while error is not None:
        said += [str(error), repr(error), repr(error.args)]
        error = error.__cause__ or error.__context__
    return str(caught.value), "\n".join(said)
