# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Upstream's manifests of the versions that the roles pin, for a cluster from which upstream cannot be reached."""

from __future__ import annotations

from ..component import Component
from ..go import GoSources
from .data import CLOUDNATIVE_PG
from .operators import EXTERNAL_SECRETS

_AI_GATEWAY = "github.com/envoyproxy/ai-gateway:manifests/charts/ai-gateway-crds-helm/templates"
_CLOUDNATIVE_PG = "github.com/cloudnative-pg/cloudnative-pg:releases"
_ENVOY_GATEWAY = "github.com/envoyproxy/gateway:charts/gateway-helm/charts/crds/crds/generated"
_EXTERNAL_SECRETS = "github.com/external-secrets/external-secrets:deploy/crds/bundle.yaml"
_GATEWAY_API = "sigs.k8s.io/gateway-api:config/crd/standard"
_INFERENCE = "sigs.k8s.io/gateway-api-inference-extension:config/crd/bases"

_FILES = {
    _CLOUDNATIVE_PG: (f"cnpg-{CLOUDNATIVE_PG}",),
    _GATEWAY_API: (
        "gateway.networking.k8s.io_backendtlspolicies",
        "gateway.networking.k8s.io_gatewayclasses",
        "gateway.networking.k8s.io_gateways",
        "gateway.networking.k8s.io_grpcroutes",
        "gateway.networking.k8s.io_httproutes",
        "gateway.networking.k8s.io_listenersets",
        "gateway.networking.k8s.io_referencegrants",
        "gateway.networking.k8s.io_tlsroutes",
        "gateway.networking.k8s.io_vap_safeupgrades",
    ),
    _INFERENCE: (
        "inference.networking.k8s.io_inferencepools",
        "inference.networking.x-k8s.io_inferencemodelrewrites",
        "inference.networking.x-k8s.io_inferenceobjectives",
        "inference.networking.x-k8s.io_inferencepoolimports",
    ),
    _ENVOY_GATEWAY: (
        "gateway.envoyproxy.io_backends",
        "gateway.envoyproxy.io_backendtrafficpolicies",
        "gateway.envoyproxy.io_clienttrafficpolicies",
        "gateway.envoyproxy.io_envoyextensionpolicies",
        "gateway.envoyproxy.io_envoypatchpolicies",
        "gateway.envoyproxy.io_envoyproxies",
        "gateway.envoyproxy.io_httproutefilters",
        "gateway.envoyproxy.io_securitypolicies",
    ),
    _AI_GATEWAY: (
        "aigateway.envoyproxy.io_aigatewayroutes",
        "aigateway.envoyproxy.io_aiservicebackends",
        "aigateway.envoyproxy.io_backendsecuritypolicies",
        "aigateway.envoyproxy.io_gatewayconfigs",
        "aigateway.envoyproxy.io_mcproutes",
        "aigateway.envoyproxy.io_quotapolicies",
    ),
}

# Their versions are those of go/manifests/go.mod.
ROWS = (
    Component(
        "manifests",
        "1",
        GoSources(
            "manifests",
            {f"{name}.yaml": f"{folder}/{name}.yaml" for folder, names in _FILES.items() for name in names}
            | {f"external-secrets-{EXTERNAL_SECRETS}.yaml": _EXTERNAL_SECRETS},
        ),
    ),
)
