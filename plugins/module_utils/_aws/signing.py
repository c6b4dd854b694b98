# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Signatures (AWS Signature Version 4) for the requests that open a websocket, which no client of the SDK makes."""

from __future__ import annotations

from typing import Any, Mapping
from urllib.parse import parse_qsl, urlsplit

from ansible_collections.sshkeys.aws.plugins.module_utils._aws.sdk import AWSRequest, SigV4Auth, SigV4QueryAuth


class Signer:
    """Signs GET requests without a body."""

    def __init__(self, credentials: Any, region: str) -> None:
        """Store frozen credentials of botocore, and the name of the region."""
        self._credentials = credentials
        self._region = region

    def signed_url(self, service: str, url: str, query: Mapping[str, str], seconds: int) -> str:
        """Return a URL with a query and a signature, which is valid for some seconds. Sends nothing.

        service: its signing name. url: of the scheme https, without a query.
        """
        request = AWSRequest("GET", url, params=dict(query))
        SigV4QueryAuth(self._credentials, service, self._region, expires=seconds).add_auth(request)
        return str(request.url)

    def headers(self, service: str, url: str) -> dict[str, str]:
        """Return the headers that sign a request for a URL with any query. Sends nothing.

        service: its signing name. url: of the scheme https.
        """
        split = urlsplit(url)
        # The signer takes the query of a URL as it stands. The service decodes and encodes it anew.
        query = dict(parse_qsl(split.query, keep_blank_values=True))
        request = AWSRequest("GET", split._replace(query="").geturl(), params=query)
        SigV4Auth(self._credentials, service, self._region).add_auth(request)
        return dict(request.headers.items())
