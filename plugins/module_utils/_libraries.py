# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Python packages that a module needs."""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule, missing_required_lib


def require(module: AnsibleModule, **libraries: str | None) -> None:
    """Fail the module when a package is missing. LIBRARIES are each the traceback of its failed import, or None."""
    for name, trace in libraries.items():
        if trace:
            module.fail_json(msg=missing_required_lib(name), exception=trace)
