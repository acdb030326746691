# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: gsm_secret
short_description: A value from Google Secret Manager, for one task that then shows nothing
version_added: 1.0.0
description:
  - Returns the payloads of secrets in Google Secret Manager, each of a version that is named by its number.
  - The task that asks is marked. From then on it counts as C(no_log), so that its result, its options and its
    difference are not shown, whatever the verbosity.
  - Nothing is returned where no task can be marked, such as in the name of a task or in the condition of a play.
notes:
  - Use it in the options of the task that needs the value. A fact or a registered result that holds the value is not
    marked for the tasks after that one.
  - When a module fails with a message that repeats the value, ansible-core shows that message, even of a task that says
    C(no_log) itself. The modules of this collection don't.
  - M(tollgate.llm.gsm_secret) tells the numbers of versions, and never a value.
  - Payloads are checked against their CRC32C.
extends_documentation_fragment:
  - tollgate.llm._gsm
options:
  _terms:
    description: Names of the secrets.
    type: list
    elements: str
    required: true
  version:
    description:
      - The number of the version. V(latest) and aliases are refused, since they may change under a gateway.
    type: int
    required: true
seealso:
  - module: tollgate.llm.gsm_secret
author: The Tollgate developers (@tollgate)
"""

EXAMPLES = r"""
- name: Give a program its key
  ansible.builtin.copy:
    content: "{{ lookup('tollgate.llm.gsm_secret', 'litellm-master-key', version=1, project='my-project') }}"
    dest: /etc/gateway/master-key
    mode: "0600"
"""

RETURN = r"""
_raw:
  description: The values, in the order of the names.
  type: list
  elements: str
"""

from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible_collections.tollgate.llm.plugins.module_utils._secrets import gsm_client
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.gsm_api import PayloadDamagedError
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.gsm_connection import (
    ARGUMENTS,
    ConnectionProblem,
    prefix_of,
)
from ansible_collections.tollgate.llm.plugins.module_utils._secrets.gsm_errors import Refusal, explained

try:
    from ansible._internal._task import TaskContext
except ImportError:
    TaskContext = None


def mark() -> None:
    """Make the running task one that shows nothing."""
    context = None if TaskContext is None else TaskContext.current(optional=True)
    if context is None:
        raise AnsibleLookupError(
            "a secret is only given to the options of a task, which then shows nothing. "
            "Move the lookup into the options of the task that needs the value."
        )
    context.task.no_log = True


class LookupModule(LookupBase):
    """The lookup."""

    def run(self, terms: list[Any], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[str]:
        mark()
        if gsm_client.GOOGLE_IMPORT_ERROR:
            raise AnsibleLookupError(
                "the Python package google-cloud-secret-manager is missing on the controller: install it there "
                "(pip install google-cloud-secret-manager)."
            )
        self.set_options(var_options=variables, direct=kwargs)
        options = {name: self.get_option(name) for name in ARGUMENTS}
        version = self.get_option("version")
        try:
            api = gsm_client.Gsm(options)
            prefix = prefix_of(options)
            return [self._value(api, f"{prefix}{name}", version) for name in terms]
        except ConnectionProblem as error:
            raise AnsibleLookupError(str(error)) from None

    @staticmethod
    def _value(api: gsm_client.Gsm, name: str, version: int) -> str:
        where = api.name(name, version)
        try:
            return api.access(name, version).data.decode()
        except Refusal as refusal:
            raise AnsibleLookupError(f"{where}: {explained(refusal, api.caller, name)}.") from None
        except PayloadDamagedError as error:
            raise AnsibleLookupError(f"{error}. Run again.") from None
        except UnicodeDecodeError:
            raise AnsibleLookupError(f"{where} is not UTF-8 text: store binary values encoded.") from None
