# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which operator of CloudNativePG is fit, and what depends on it."""

from __future__ import annotations

from . import operator_release
from .operator_release import UNCHANGED

CLOUDNATIVE_PG = operator_release.Product(
    name="CloudNativePG",
    # Both the release's manifest and the Helm chart label the Deployment so.
    selector="app.kubernetes.io/name=cloudnative-pg",
    container="manager",
    prefix="cnpg_operator",
    # The first releases of each minor version without CVE-2026-55765, CVE-2026-55769 and CVE-2026-44477.
    least=((1, 28, 4), (1, 29, 2), (1, 30, 0)),
    reason=(
        "Earlier ones let the owner of a database become its superuser (CVE-2026-55769, CVE-2026-44477) and show "
        "passwords to what logs statements (CVE-2026-55765)"
    ),
    conflict="act on the same databases",
    missing=(
        "no Deployment of CloudNativePG is there, and an existing one is to be used. Install it, or let the role do it "
        f"(cnpg_operator_existing: auto). {UNCHANGED}"
    ),
    newer="its databases may use",
    dependents=(("postgresql.cnpg.io/v1", "Cluster"),),
    lost="these databases would be removed with the operator's definitions, and their data",
)


class Operator(operator_release.Operator):
    """A Deployment of the operator."""

    product = CLOUDNATIVE_PG
