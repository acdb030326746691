# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of fields against what the running proxy says of itself (tests/support/contract.py)."""

from __future__ import annotations

import contract
from proxy import Proxy


def test_every_endpoint_and_field_is_as_the_openapi_document_of_the_proxy_says(proxy: Proxy) -> None:
    document = contract.read(proxy.url)
    assert document.version == proxy.get("/health/readiness/details")["litellm_version"]
    assert contract.problems(document) == []
