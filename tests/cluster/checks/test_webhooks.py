# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Admission webhooks: a real HTTPS server in a pod is asked, its word counts, and its absence refuses or lets pass."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest
from certificates import Pair, server
from kubernetes import client
from tollgate_checks.cluster import Cluster
from tollgate_checks.conditions import ready
from tollgate_checks.objects import Object, container, mounted, pod, service
from tollgate_checks.watching import eventually

# Lets in what has a label "owner"; says why otherwise.
WEBHOOK = """
import http.server, json, ssl

class Webhook(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["request"]
        owned = "owner" in (request["object"]["metadata"].get("labels") or {})
        answer = {"uid": request["uid"], "allowed": owned, "status": {"message": "who owns it?"}}
        body = json.dumps({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": answer}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/tls/tls.crt", "/tls/tls.key")
listener = http.server.ThreadingHTTPServer(("", 8443), Webhook)
listener.socket = context.wrap_socket(listener.socket, server_side=True)
listener.serve_forever()
"""


def configuration(namespace: str, pair: Pair, failure: str) -> Object:
    """Asks the webhook about ConfigMaps of this namespace."""
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": namespace},
        "webhooks": [
            {
                "name": "owner.checks.tollgate.llm",
                "admissionReviewVersions": ["v1"],
                "sideEffects": "None",
                "timeoutSeconds": 2,
                "failurePolicy": failure,
                "clientConfig": {
                    "service": {"namespace": namespace, "name": "webhook", "port": 8443, "path": "/"},
                    "caBundle": base64.b64encode(pair.authority).decode(),
                },
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                "rules": [
                    {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}
                ],
            }
        ],
    }


@pytest.fixture
def webhook(cluster: Cluster, namespace: str) -> Iterator[Pair]:
    """A running webhook that nobody asks yet, and its certificate."""
    pair = server(f"webhook.{namespace}.svc")
    metadata = {"name": "webhook", "namespace": namespace}
    files = {"tls.crt": pair.certificate.decode(), "tls.key": pair.key.decode()}
    cluster.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": files})
    cluster.apply(service(namespace, "webhook", 8443))
    probe = {"tcpSocket": {"port": 8443}, "periodSeconds": 1}
    serving = container("python", "-c", WEBHOOK, readinessProbe=probe, **mounted("/tls"))
    volume = {"name": "data", "secret": {"secretName": "webhook"}}
    cluster.run(pod(namespace, "webhook", serving, volumes=[volume]), ready)
    yield pair
    cluster.delete(configuration(namespace, pair, "Fail"))


def named(namespace: str, name: str, **labels: str) -> Object:
    """A ConfigMap with labels."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
    }


def refusal(cluster: Cluster, wanted: Object) -> str:
    """What the API server said when it refused the object; empty when it did not."""
    try:
        cluster.create(wanted)
    except client.ApiException as error:
        return str(error.body)
    cluster.delete(wanted)
    return ""


def test_a_webhook_decides_what_is_let_in(cluster: Cluster, namespace: str, webhook: Pair) -> None:
    cluster.apply(configuration(namespace, webhook, "Fail"))
    said = 'admission webhook \\"owner.checks.tollgate.llm\\" denied the request: who owns it?'
    eventually(lambda: said in refusal(cluster, named(namespace, "nobodys")), 30, "a refusal by the webhook")
    assert refusal(cluster, named(namespace, "mine", owner="me")) == ""


def test_a_webhook_that_is_gone_refuses_or_lets_pass_as_it_was_told(
    cluster: Cluster, namespace: str, webhook: Pair
) -> None:
    cluster.apply(configuration(namespace, webhook, "Fail"))
    eventually(lambda: refusal(cluster, named(namespace, "nobodys")), 30, "a refusal by the webhook")
    cluster.delete(pod(namespace, "webhook"))
    cluster.wait_gone(pod(namespace, "webhook"))
    eventually(
        lambda: "failed calling webhook" in refusal(cluster, named(namespace, "mine", owner="me")),
        *(30, "a refusal because the webhook does not answer"),
    )
    cluster.apply(configuration(namespace, webhook, "Ignore"))
    eventually(lambda: refusal(cluster, named(namespace, "nobodys")) == "", 30, "a pass without the webhook")


def test_a_webhook_with_a_certificate_of_another_authority_is_not_trusted(
    cluster: Cluster, namespace: str, webhook: Pair
) -> None:
    cluster.apply(configuration(namespace, server(f"webhook.{namespace}.svc"), "Fail"))
    eventually(
        lambda: "certificate signed by unknown authority" in refusal(cluster, named(namespace, "mine", owner="me")),
        *(30, "a refusal because of the certificate"),
    )
