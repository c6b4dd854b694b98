# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The SDK's descriptions of services, read once for all tests of a process. Reading them is most of making a client."""

from __future__ import annotations

from functools import cache
from typing import Any

import botocore.session
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.preload import Preloaded, preload


@cache
def shared() -> Preloaded:
    """Return the data for clients, without a CA bundle: each client reads its own."""
    preloaded = preload()
    assert preloaded
    return preloaded._replace(bundle=None)


def plain_session() -> Any:
    """Return a botocore session that makes clients of the shared data."""
    session = botocore.session.Session()
    session.register_component("data_loader", shared().loader)
    return session
