# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which controller of Sealed Secrets is fit, and what depends on it."""

from __future__ import annotations

from dataclasses import dataclass

from . import operator_release

SEALED_SECRETS = operator_release.Product(
    name="Sealed Secrets",
    # The Helm chart labels its Deployment so, as we do; the release's manifest has a label of its own.
    selector="app.kubernetes.io/name=sealed-secrets",
    others=("name=sealed-secrets-controller",),
    container="controller",
    prefix="sealed_secrets",
    least=((0, 36, 0),),
    reason="earlier ones lose the scope of what they seal again, and answer guesses at /v1/verify",
    conflict="make the same Secrets, each with keys of its own",
    missing=(
        "no controller of Sealed Secrets is there (label app.kubernetes.io/name=sealed-secrets or "
        "name=sealed-secrets-controller), and an existing one is to be used. Install it, or run the operators' wave "
        "with sealed_secrets_existing: auto. Nothing was installed or delivered."
    ),
    newer="what it sealed may have",
    dependents=(("bitnami.com/v1alpha1", "SealedSecret"),),
    lost="these would be removed with the controller's definition",
    holes=(
        operator_release.Hole(
            "whoever reaches its port learns by /v1/rotate whether a guess at a sealed value is right",
            "bitnami/sealed-secrets#2049",
            mended=(0, 40, 0),
        ),
    ),
)


@dataclass(frozen=True)
class Controller(operator_release.Operator):
    """A Deployment of the controller."""

    product = SEALED_SECRETS
