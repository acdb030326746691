# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of how Secret Manager is reached."""

from __future__ import annotations


class ModuleDocFragment:
    """Mirrors C(ARGUMENTS) of `plugins/module_utils/_secrets/gsm_connection.py`."""

    DOCUMENTATION = r"""
options:
  project:
    description:
      - Id (or number) of the Google Cloud project.
      - The credentials' own project, when they name one.
    type: str
  location:
    description:
      - A region, for regional secrets, such as V(europe-west3). They are kept and asked for in that region alone.
      - Without it secrets are global.
    type: str
  prefix:
    description:
      - Text before the names of secrets in Secret Manager, such as V(europe-). In a project that several gateways share
        it keeps their secrets apart.
    type: str
    default: ''
  service_account_file:
    description:
      - A file with credentials, as Google's libraries read it. A service account's key, the configuration of workload
        identity federation (C(external_account)), or a user's.
      - Without it, and without O(access_token), the application's default credentials are used. These are
        E(GOOGLE_APPLICATION_CREDENTIALS), C(gcloud auth application-default login), or the account of the machine or
        pod (workload identity).
    type: path
  impersonate_service_account:
    description:
      - E-mail of a service account to act as. The credentials need C(roles/iam.serviceAccountTokenCreator) on it.
    type: str
  access_token:
    description: An access token, such as C(gcloud auth print-access-token) prints. It ends within an hour.
    type: str
  quota_project:
    description: The project that is counted for the requests, where it is not that of the credentials.
    type: str
  endpoint:
    description:
      - Another address of the API, such as that of a Private Service Connect endpoint.
      - One without TLS is refused unless it is on this machine, or O(insecure) is set.
    type: str
  insecure:
    description: Send secrets and tokens to an O(endpoint) without TLS.
    type: bool
    default: false
  transport:
    description:
      - How the API is asked. V(rest) works through HTTP proxies; V(grpc) needs TLS.
    type: str
    choices: [rest, grpc]
    default: rest
  timeout:
    description:
      - Seconds for which a request is tried again while Google answers that it is busy (429 and 503), or while another
        run is at work on the same secret.
    type: int
    default: 60
requirements:
  - google-cloud-secret-manager >= 2.24
"""
