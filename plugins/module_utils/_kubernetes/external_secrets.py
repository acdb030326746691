# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which operator of External Secrets is fit, what depends on it, and under which account it works."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from . import operator_release
from .standing import Object

SELECTOR = "app.kubernetes.io/name=external-secrets"
EXTERNAL_SECRETS = operator_release.Product(
    name="External Secrets",
    # The Helm chart labels the controller's Deployment so; its webhook and cert-controller have other names.
    selector=SELECTOR,
    container="external-secrets",
    prefix="external_secrets",
    least=((0, 16, 0),),  # the first with external-secrets.io/v1
    conflict="write the same Secrets",
    missing=(
        f"no Deployment of External Secrets is there (label {SELECTOR}), and an existing one is to be used. Install "
        "it, or run the operators' wave with external_secrets_existing: auto. Nothing was installed or delivered."
    ),
    newer="its definitions may have",
    dependents=(
        ("external-secrets.io/v1", "ExternalSecret"),
        ("external-secrets.io/v1", "SecretStore"),
        ("external-secrets.io/v1", "ClusterSecretStore"),
        ("external-secrets.io/v1", "ClusterExternalSecret"),
        ("external-secrets.io/v1alpha1", "PushSecret"),
    ),
    lost="these would be removed with the operator's definitions",
    holes=(
        operator_release.Hole(
            "who may write an ExternalSecret in any namespace reads Secrets of all of them",
            "GHSA-77v3-r3jw-j2v2",
            mended=(1, 2, 0),
        ),
    ),
)


@dataclass(frozen=True)
class Operator(operator_release.Operator):
    """A Deployment of the controller."""

    product = EXTERNAL_SECRETS

    account: str = "default"

    @classmethod
    def of(cls, found: Object) -> Self:
        """From the Deployment."""
        account = found["spec"]["template"]["spec"].get("serviceAccountName")
        return replace(super().of(found), account=str(account or cls.account))

    @property
    def result(self) -> dict[str, str | bool]:
        """With the ServiceAccount of its pods, which is given rights."""
        return {**super().result, "account": self.account}
