# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Options of every module that talks to LiteLLM's management API, and parts of them for others."""

    DOCUMENTATION = r"""
options:
  api_url:
    description: The LiteLLM proxy. If not given, E(LITELLM_URL) is used.
    type: str
    default: http://127.0.0.1:4000
  api_key:
    description:
      - An admin key, such as the master key. If not given, E(LITELLM_API_KEY) is used.
      - O(api_key_file) keeps it out of Ansible altogether.
    type: str
  api_key_file:
    description: >-
      A file that holds an admin key. It wins over a secret's name and over O(api_key); one of them is needed.
    type: path
  timeout:
    description: Seconds to wait for an answer.
    type: float
    default: 30.0
  validate_certs:
    description: Whether the proxy's TLS certificate is checked.
    type: bool
    default: true
  ca_path:
    description: A file of certificates of authorities to trust.
    type: path
  concurrency:
    description: How many requests are sent at a time.
    type: int
    default: 8
  secrets_directory:
    description: >-
      The directory of M(tollgate.llm.file_secret) in which keys and models name their secrets. Excludes
      O(secrets_namespace) and O(secrets_gsm).
    type: path
  assume_empty:
    description:
      - In check mode only, take a proxy that does not answer for an empty one, as before the first run. So is a
        Service that is not there, or has no ready pod.
      - Everything is then reported as created, without having been compared.
    type: bool
    default: false
requirements:
  - httpx
author: The Tollgate developers (@tollgate)
"""

    SERVED = r"""
options:
  served_names:
    description:
      - Whether the backend of a model that is made, or gets another backend, is asked with the model's own key if it
        serves the declared name (C(/models) below C(api_base)). LiteLLM itself finds out with the first call.
      - By V(refuse) nothing is changed when the backend does not serve it, or refuses the key; V(warn) only says so. A
        backend that can't be asked from where the module runs is a warning in both cases.
      - Asked are backends with OpenAI's API and an C(api_base) in the entry. The key is sent there and nowhere else.
    type: str
    choices: [refuse, warn, ignore]
    default: ignore
"""

    PRICES = r"""
options:
  unpriced_budgets:
    description:
      - What is done about a budget whose spend a model without prices would not count, so that it would never bind.
      - By V(refuse) nothing is changed, V(warn) only says so, V(ignore) does not look. M(tollgate.llm.litellm_tenants)
        looks at the models that are declared with it and are not C(free). All modules look at those of the proxy, for
        what they make and for what gets another budget, team or list of models.
      - A shared budget counts when it is one of dollars.
    type: str
    choices: [refuse, warn, ignore]
    default: refuse
"""

    BLOCKING = r"""
options:
  cache_time:
    description:
      - Seconds that a worker of the proxy keeps keys and teams in memory, as C(user_api_key_cache_ttl) of its
        C(general_settings) says. Only used with C(state=blocked) and C(state=unblocked).
      - So long after the change nobody holds what was before. When eight connections at once, to each ready pod of a
        O(service), see it then, it counts as proven.
    type: float
    default: 60.0
  workers:
    description:
      - How many workers the proxy has, those of all pods together. LiteLLM does not tell.
      - With it, that many different ones must have been seen to follow before it counts as proven, and then there is
        no need to wait for O(cache_time). When some of them take no connection, a warning says how many.
    type: int
"""

    SERVICE = r"""
options:
  service:
    description:
      - The Service of a cluster behind which the proxy is. It is reached through a port-forward that ends with the
        module, over HTTP, and wins over O(api_url).
      - Needed are C(get) on Services, C(list) on EndpointSlices (and on Pods, for explanations), and C(get) on
        C(pods/portforward), from Kubernetes 1.35 on also C(create).
    type: dict
    suboptions:
      name:
        description: The Service.
        type: str
        required: true
      namespace:
        description: Its namespace.
        type: str
        required: true
      port:
        description: The Service's port, by number or name.
        type: str
        required: true
"""

    ADMIN_KEY = r"""
options:
  api_key_secret:
    description: >-
      A secret that holds an admin key, in O(secrets_namespace), O(secrets_directory) or O(secrets_gsm).
      O(api_key_file) wins over it, and it wins over O(api_key).
    type: str
"""

    CLUSTER = r"""
options:
  secrets_namespace:
    description: >-
      The namespace of M(tollgate.llm.kubernetes_secret) in which secrets are named. Excludes O(secrets_directory) and
      O(secrets_gsm).
    type: str
  secrets_gsm:
    description:
      - How Secret Manager is reached, when secrets are those of M(tollgate.llm.gsm_secret). Excludes
        O(secrets_directory) and O(secrets_namespace).
      - They are read side by side, and never written unless an option says so.
    type: dict
    suboptions:
      versions:
        description:
          - The numbers of versions by the names of secrets.
          - Of a secret that is not named here it is the version which its notes name, else the oldest enabled one.
            Several enabled versions with different values are refused.
        type: dict
      project:
        description: As O(tollgate.llm.gsm_secret#module:project).
        type: str
      location:
        description: As O(tollgate.llm.gsm_secret#module:location).
        type: str
      prefix:
        description: As O(tollgate.llm.gsm_secret#module:prefix).
        type: str
        default: ''
      service_account_file:
        description: As O(tollgate.llm.gsm_secret#module:service_account_file).
        type: path
      impersonate_service_account:
        description: As O(tollgate.llm.gsm_secret#module:impersonate_service_account).
        type: str
      access_token:
        description: As O(tollgate.llm.gsm_secret#module:access_token).
        type: str
      quota_project:
        description: As O(tollgate.llm.gsm_secret#module:quota_project).
        type: str
      endpoint:
        description: As O(tollgate.llm.gsm_secret#module:endpoint).
        type: str
      insecure:
        description: As O(tollgate.llm.gsm_secret#module:insecure).
        type: bool
        default: false
      transport:
        description: As O(tollgate.llm.gsm_secret#module:transport).
        type: str
        choices: [rest, grpc]
        default: rest
      timeout:
        description: As O(tollgate.llm.gsm_secret#module:timeout).
        type: int
        default: 60
  kubeconfig:
    description:
      - The kubeconfig of the cluster, when an option needs one. Without it the environment variable
        E(K8S_AUTH_KUBECONFIG) names one, else E(KUBECONFIG), else it is C(~/.kube/config).
    type: path
  context:
    description: The context in it, if not its current one. Without it E(K8S_AUTH_CONTEXT) names one.
    type: str
requirements:
  - kubernetes, for what is in a cluster
  - google-cloud-secret-manager >= 2.24, for O(secrets_gsm)
"""
