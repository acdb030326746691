# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the backend of a model serves it under the declared name. LiteLLM finds that out with the first call only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from .client import Client
from .plan import Action
from .sources import NOT_MADE_YET

# Providers whose address lists what is served there, as OpenAI's does.
LISTING = (
    "hosted_vllm", "vllm", "openai", "text-completion-openai", "openai_like", "custom_openai", "lm_studio",
    "llamafile", "litellm_proxy",
)  # fmt: skip
REFUSED = (401, 403)
TELLING = ("model", "api_base", "api_key", "live", "litellm_credential_name")
SHOWN = 5


@dataclass(frozen=True)
class Answer:
    """What a backend says: C(problem) is sure, C(unsure) says why it could not be asked."""

    problem: str = ""
    unsure: str = ""


def answers(client: Client, actions: Sequence[Action]) -> list[Answer]:
    """What the backends say of the models that are made or get another backend, and that nothing hides from us."""
    asked = [action for action in actions if _asked(action)]
    if not asked:
        return []
    with ThreadPoolExecutor(min(len(asked), client.connections)) as pool:
        return list(pool.map(lambda action: _answer(client, action), asked))


def _asked(action: Action) -> bool:
    if action.resource.kind != "model" or not (action.what == "created" or set(TELLING) & set(action.changes)):
        return False
    fields = action.declared.fields
    if action.declared.secrets.get("api_key") == NOT_MADE_YET:
        return False
    provider, slash, name = str(fields.get("model") or "").partition("/")
    base = str(fields.get("api_base") or "")
    # A credential of LiteLLM may hold the key, and the proxy's environment the address.
    return (
        bool(slash and name)
        and provider in LISTING
        and base.startswith(("http://", "https://"))
        and "*" not in name
        and not fields.get("litellm_credential_name")
    )


def _answer(client: Client, action: Action) -> Answer:
    fields = action.declared.fields
    base = str(fields["api_base"]).rstrip("/")
    name = str(fields["model"]).partition("/")[2]
    status, content, trouble = client.ask_backend(f"{base}/models", action.declared.secrets.get("api_key"))
    if trouble:
        return Answer(unsure=f"{action.label}: {base} could not be asked what it serves: {trouble}")
    if status in REFUSED:
        return Answer(f"{action.label}: {base} refuses the model's key ({status}). Correct where it comes from.")
    served = _ids(content)
    if served is None:
        return Answer(unsure=f"{action.label}: {base}/models did not say what it serves ({status})")
    if name in served:
        return Answer()
    near = get_close_matches(name, served, n=1)
    hint = f', did you mean "{near[0]}"?' if near else f", but {', '.join(sorted(served)[:SHOWN]) or 'nothing'}."
    return Answer(f'{action.label}: {base} does not serve "{name}"{hint} Correct model or api_base.')


def _ids(content: Any) -> list[str] | None:
    rows = content.get("data") if isinstance(content, Mapping) else None
    if not isinstance(rows, list):
        return None
    return [str(row.get("id")) for row in rows if isinstance(row, Mapping)]
