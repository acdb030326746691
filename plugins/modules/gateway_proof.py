#!/usr/bin/python
# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: gateway_proof
short_description: Prove that a LiteLLM gateway completes, stops and bills
version_added: 1.0.0
author:
  - The Tollgate developers (@tollgate)
description:
  - Calls a model of a running LiteLLM proxy as its users do, and looks at what the proxy did about it.
  - "It makes seven checks: the proxy and its database are ready, a key with a large budget is served, a key with a
    tiny budget is stopped, the ledger has each call at tokens times price, a made-up key is refused, a key for other
    models is refused, and a streamed answer is billed."
  - All checks are made, also when one fails.
  - It uses keys of its own that live for 15 minutes at most and are deleted before it ends, also when it fails or is
    interrupted. Keys that a killed proof left behind are removed by the next one.
  - Teams, users and customers are not touched.
  - The rows that it leaves in the ledger carry the tag C(tollgate-proof).
  - A proof costs some calls of at most 16 output tokens.
options:
  api_url:
    description: The LiteLLM proxy, without C(/v1). If not given, E(LITELLM_URL) is used.
    type: str
    default: http://127.0.0.1:4000
  api_key:
    description: An admin key, such as the master key. If not given, E(LITELLM_API_KEY) is used.
    type: str
  api_key_file:
    description: >-
      A file that holds an admin key. It is used before O(api_key_secret), and that before O(api_key); one of them is
      needed.
    type: path
  secrets_directory:
    description: >-
      The directory of M(tollgate.llm.file_secret) that has O(api_key_secret). Excludes O(secrets_namespace) and
      O(secrets_gsm).
    type: path
  model:
    description: The model to call. It must have a price, else no budget can stop a key.
    type: str
    required: true
  input_cost_per_token:
    description:
      - The declared price of an input token in dollars, as text so that no digit is lost.
      - Without both prices the ones that the proxy itself names are taken.
    type: str
  output_cost_per_token:
    description: The declared price of an output token in dollars.
    type: str
  batch_write_at:
    description:
      - The proxy's C(proxy_batch_write_at), seconds between two writes of its ledger.
      - The proof waits for the ledger up to twice this time and 15 seconds.
    type: float
    default: 10.0
  wait:
    description:
      - How long all calls and the wait for the ledger may take, in seconds.
      - By default 90, or what O(batch_write_at) needs if that is longer.
    type: float
  timeout:
    description: Seconds to wait for one answer of the model. Other requests get 30 seconds at most.
    type: float
    default: 60.0
  validate_certs:
    description: Whether the proxy's TLS certificate is checked.
    type: bool
    default: true
  ca_path:
    description: A file of certificates of authorities to trust.
    type: path
  fingerprint:
    description: Names the configuration that is proved. A good verdict with the same fingerprint need not be repeated.
    type: str
    default: ""
  verdict_file:
    description:
      - Where the verdict is kept (JSON, mode 0600, replaced in one step).
      - Writing it does not count as a change.
    type: path
  run:
    description:
      - When to make the proof.
      - With V(changed) it is left out when O(verdict_file) holds a good verdict with the same O(fingerprint),
        O(api_url) or O(service), O(model) and prices. Without O(fingerprint) it is always made.
    type: str
    choices: [changed, always]
    default: changed
  max_age:
    description:
      - A verdict older than this many seconds is not good enough for O(run=changed).
      - By default age doesn't matter.
    type: float
requirements:
  - httpx >= 0.27
extends_documentation_fragment:
  - tollgate.llm._litellm.service
  - tollgate.llm._litellm.admin_key
  - tollgate.llm._litellm.cluster
attributes:
  check_mode:
    description: Says in RV(would_run) whether it would make the proof, and sends nothing.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
notes:
  - A proof never reports a change. It leaves nothing behind but rows in the ledger, and what the proxy keeps of
    deleted keys.
"""

EXAMPLES = r"""
- name: Prove the gateway when its configuration has changed
  tollgate.llm.gateway_proof:
    api_url: http://127.0.0.1:4000
    api_key_file: .tollgate/secrets/litellm-master-key
    model: qwen-local
    input_cost_per_token: "0.000000175"
    output_cost_per_token: "0.0000007"
    fingerprint: "{{ gateway_fingerprint }}"
    verdict_file: .tollgate/verdicts/proof.json

- name: Prove a gateway inside a cluster
  tollgate.llm.gateway_proof:
    service: {name: litellm, namespace: litellm, port: 4000}
    secrets_namespace: litellm-store
    api_key_secret: litellm-master-key
    model: qwen-local

- name: Prove any proxy, now
  tollgate.llm.gateway_proof:
    api_url: https://llm.example.com
    api_key: "{{ lookup('ansible.builtin.env', 'LITELLM_MASTER_KEY') }}"
    model: gpt-small
    batch_write_at: 60
    run: always
"""

RETURN = r"""
ok:
  description: Whether all checks passed. V(null) in check mode when there is no verdict.
  returned: always
  type: bool
checks:
  description: The checks, in a fixed order.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: One of C(ready), C(high_completes), C(low_is_stopped), C(ledger), C(unknown_key_refused),
        C(model_not_given_refused), C(stream_is_billed).
      type: str
    ok:
      description: Whether it passed.
      type: bool
    detail:
      description: What was seen; for a failed check also what was expected and what to look at next.
      type: str
skipped_proof:
  description: Whether the last verdict is shown because nothing changed since then.
  returned: always
  type: bool
would_run:
  description: Whether the proof would be made.
  returned: in check mode
  type: bool
started:
  description: When the shown proof began (ISO 8601, UTC).
  returned: when there is a verdict
  type: str
seconds:
  description: How long it took.
  returned: when there is a verdict
  type: float
age:
  description: Seconds since the shown proof began.
  returned: when there is a verdict
  type: float
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._litellm import secret_store
from ..module_utils._proof.module import ARGUMENTS, main_of


def main() -> None:
    """Make or skip the proof."""
    main_of(
        AnsibleModule(
            argument_spec=ARGUMENTS,
            required_one_of=[("api_key", "api_key_file", "api_key_secret")],
            mutually_exclusive=[secret_store.EITHER],
            required_together=[("input_cost_per_token", "output_cost_per_token")],
            supports_check_mode=True,
        )
    )


if __name__ == "__main__":
    main()
