# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This fragment is private: other collections must not use it.

from __future__ import annotations


class ModuleDocFragment:
    """The options that say which cluster."""

    DOCUMENTATION = r"""
options:
  kubeconfig:
    description:
      - The kubeconfig. Without it the environment variable E(K8S_AUTH_KUBECONFIG) names one, else E(KUBECONFIG), else
        it is C(~/.kube/config).
    type: path
  context:
    description: The context in it, if not its current one. Without it E(K8S_AUTH_CONTEXT) names one.
    type: str
requirements:
  - kubernetes
"""
