# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The servers of Kubernetes: their commands and configuration files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from .addresses import API, DNS_SERVICE, DOMAIN, ETCD, ETCD_PEER, KUBELET, NODE, NODE_ADDRESS, PODS, SERVICES
from .addresses import CABLE as NODE_NETWORK
from .certificates import CLUSTER, FRONT, SERVICE_ACCOUNTS, Authority
from .certificates import ETCD as ETCD_AUTHORITY
from .cgroups import ROOT
from .containerd import ADDRESS as CONTAINERD
from .kubeconfig import kubeconfig
from .programs import Program, Tools
from .state import BINARIES, CERTIFICATES, CONFIGURATION, ETCD_DATA, SCRATCH, VOLUMES

AUTHORITY = Authority(CERTIFICATES)
NAMES = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet")
CLIENTS = ("kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet", "volume-provisioner", "admin")
ISSUER = f"https://kubernetes.default.svc.{DOMAIN}"


def programs(tools: Tools) -> list[Program]:
    """All of them, in the order of their start."""
    client = ("--kubeconfig", str(_kubeconfig("volume-provisioner")))
    provisioner = [str(tools.volume_provisioner / "volume-provisioner"), *client, "--directory", str(VOLUMES)]
    return [
        # It may run for a moment before it finds that its files are damaged.
        replace(_program("etcd", _etcd(), wave=1), seconds=3, retries=3),
        _program("kube-apiserver", _apiserver(), wave=1),
        _program("kube-controller-manager", _controller_manager(), wave=2),
        _program("kube-scheduler", _scheduler(), wave=2),
        _program("kubelet", _kubelet(), tools, wave=2),
        _program("kube-proxy", {"config": CONFIGURATION / "kube-proxy.yaml", "hostname-override": NODE}, tools, wave=2),
        Program("volume-provisioner", provisioner, {"PATH": tools.environment["PATH"]}, wave=2),
    ]


def files() -> dict[Path, str]:
    """Their configuration files; the certificates must be there."""
    settings = {"kubelet.yaml": _kubelet_settings(), "kube-proxy.yaml": _proxy_settings()}
    return {
        **{_kubeconfig(name): kubeconfig(AUTHORITY, name) for name in CLIENTS},
        **{CONFIGURATION / name: json.dumps(content, indent=2) for name, content in settings.items()},
        # Pods that ask for the node's own names get none: nothing beyond this machine can be reached.
        CONFIGURATION / "resolv.conf": f"nameserver {DNS_SERVICE}\n",
    }


def _program(name: str, flags: dict[str, object], tools: Tools | None = None, *, wave: int) -> Program:
    words = [f"--{key}={value}" for key, value in flags.items()]
    # One binary holds them all; the name it is called by says which part is wanted.
    return Program(name, [str(BINARIES / name), *words], tools.environment if tools else {}, wave)


def _kubeconfig(name: str) -> Path:
    return CONFIGURATION / f"{name}.kubeconfig"


def _crt(name: str) -> Path:
    return AUTHORITY.certificate(name)


def _key(name: str) -> Path:
    return AUTHORITY.key(name)


def _etcd() -> dict[str, object]:
    client, peer = f"https://{ETCD}", f"https://{ETCD_PEER}"
    certificate, key, authority = _crt("etcd"), _key("etcd"), _crt(ETCD_AUTHORITY)
    return {
        "name": NODE,
        "data-dir": ETCD_DATA,
        "listen-client-urls": client,
        "advertise-client-urls": client,
        "listen-peer-urls": peer,
        "initial-advertise-peer-urls": peer,
        "initial-cluster": f"{NODE}={peer}",
        "cert-file": certificate,
        "key-file": key,
        "trusted-ca-file": authority,
        "client-cert-auth": "true",
        "peer-cert-file": certificate,
        "peer-key-file": key,
        "peer-trusted-ca-file": authority,
        "peer-client-cert-auth": "true",
        "log-level": "warn",
        # A killed process loses nothing by it; a machine that loses power may, and then the cluster is made anew.
        "unsafe-no-fsync": "true",
    }


def _apiserver() -> dict[str, object]:
    return {
        "advertise-address": NODE_ADDRESS,
        "bind-address": API.host,
        "secure-port": API.port,
        "allow-privileged": "true",
        "anonymous-auth": "false",
        "authorization-mode": "Node,RBAC",
        "enable-admission-plugins": "NodeRestriction",
        "client-ca-file": _crt(CLUSTER),
        "tls-cert-file": _crt("kube-apiserver"),
        "tls-private-key-file": _key("kube-apiserver"),
        "etcd-servers": f"https://{ETCD}",
        "etcd-cafile": _crt(ETCD_AUTHORITY),
        "etcd-certfile": _crt("kube-apiserver-etcd"),
        "etcd-keyfile": _key("kube-apiserver-etcd"),
        "kubelet-certificate-authority": _crt(CLUSTER),
        "kubelet-client-certificate": _crt("kube-apiserver-kubelet"),
        "kubelet-client-key": _key("kube-apiserver-kubelet"),
        "kubelet-preferred-address-types": "InternalIP",
        "service-account-issuer": ISSUER,
        "service-account-key-file": AUTHORITY.directory / f"{SERVICE_ACCOUNTS}.pub",
        "service-account-signing-key-file": _key(SERVICE_ACCOUNTS),
        "service-cluster-ip-range": SERVICES,
        # The aggregation layer: metrics-server trusts what comes with the front proxy's certificate.
        "requestheader-client-ca-file": _crt(FRONT),
        "requestheader-allowed-names": "front-proxy-client",
        "requestheader-username-headers": "X-Remote-User",
        "requestheader-group-headers": "X-Remote-Group",
        "requestheader-extra-headers-prefix": "X-Remote-Extra-",
        "proxy-client-cert-file": _crt("front-proxy"),
        "proxy-client-key-file": _key("front-proxy"),
        "enable-aggregator-routing": "true",
    }


def _controller(name: str) -> dict[str, object]:
    client = _kubeconfig(name)
    return {
        "kubeconfig": client,
        "authentication-kubeconfig": client,
        "authorization-kubeconfig": client,
        "client-ca-file": _crt(CLUSTER),
        "requestheader-client-ca-file": _crt(FRONT),
        "tls-cert-file": _crt(name),
        "tls-private-key-file": _key(name),
        "bind-address": "127.0.0.1",
        "leader-elect": "false",
    }


def _controller_manager() -> dict[str, object]:
    return {
        **_controller("kube-controller-manager"),
        "use-service-account-credentials": "true",
        "service-account-private-key-file": _key(SERVICE_ACCOUNTS),
        "root-ca-file": _crt(CLUSTER),
        "cluster-signing-cert-file": _crt(CLUSTER),
        "cluster-signing-key-file": _key(CLUSTER),
        "controllers": "*,bootstrapsigner,tokencleaner",
        "horizontal-pod-autoscaler-sync-period": "5s",  # so that an autoscaler can be tested in a minute
    }


def _scheduler() -> dict[str, object]:
    return _controller("kube-scheduler")


def _kubelet() -> dict[str, object]:
    return {
        "config": CONFIGURATION / "kubelet.yaml",
        "kubeconfig": _kubeconfig("kubelet"),
        "hostname-override": NODE,
        "node-ip": NODE_ADDRESS,
    }


def _kubelet_settings() -> dict[str, object]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": KUBELET.host,
        "port": KUBELET.port,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(_crt(CLUSTER))},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(_crt("kubelet-server")),
        "tlsPrivateKeyFile": str(_key("kubelet-server")),
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": ROOT,
        "containerRuntimeEndpoint": f"unix://{CONTAINERD}",
        "clusterDNS": [str(DNS_SERVICE)],
        "clusterDomain": DOMAIN,
        "resolvConf": str(CONFIGURATION / "resolv.conf"),
        "failSwapOn": False,
        "failCgroupV1": False,
        "protectKernelDefaults": True,  # the kernel is this machine's: nothing is set
        "volumePluginDir": str(SCRATCH / "volume-plugins"),
        # The disk is this machine's too: it is full when it is full.
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "imageGCHighThresholdPercent": 100,
        "serializeImagePulls": False,
        "maxParallelImagePulls": 4,
    }


def _proxy_settings() -> dict[str, object]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": str(_kubeconfig("kube-proxy"))},
        "mode": "iptables",
        "clusterCIDR": str(PODS),
        "bindAddress": str(NODE_ADDRESS),
        "healthzBindAddress": "127.0.0.1:10256",
        "metricsBindAddress": "127.0.0.1:10249",
        "nodePortAddresses": [str(NODE_NETWORK)],
        "iptables": {"localhostNodePorts": False},
        # The table of connections is this machine's: nothing of it is set.
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
    }
