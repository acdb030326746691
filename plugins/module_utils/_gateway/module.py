# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place where an error of the gateway's modules becomes a module's failure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from .._libraries import require
from .error import GatewayError


def run(module: AnsibleModule, libraries: Mapping[str, str | None], body: Callable[[], dict[str, Any]]) -> None:
    """Leave the module with what C(body) returns, or with the message of its GatewayError.

    C(libraries) are the Python packages it needs, each with the traceback of its failed import or None.
    """
    require(module, **libraries)
    try:
        result = body()
    except GatewayError as error:
        module.fail_json(msg=str(error))
    else:
        module.exit_json(**result)
