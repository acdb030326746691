# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Options of every module that talks to LiteLLM's management API."""

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
    description: A file that holds an admin key. It wins over O(api_key); one of them is needed.
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
    description: The directory of M(tollgate.llm.file_secret) in which keys and models name their secrets.
    type: path
  assume_empty:
    description:
      - In check mode only, take a proxy that does not answer for an empty one, as before the first run.
      - Everything is then reported as created, without having been compared.
    type: bool
    default: false
requirements:
  - httpx
author: The Tollgate developers (@tollgate)
"""
