# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""LiteLLM has four shapes of errors; all have a message somewhere."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

LONGEST = 400
UNAUTHORIZED = 401
# LiteLLM repeats what it was sent; a secret must not travel on.
KEYS = re.compile(r"\bsk-[A-Za-z0-9_-]{6,}")
LICENCE = re.compile(r"\b(enterprise|premium)\b", re.IGNORECASE)


def refusal(status: int, text: str) -> tuple[str, int, str]:
    """A sentence with LiteLLM's own words, the status, and the error's type."""
    found = page(text)
    if found:
        sentence = f"{found} ({status}), which is no answer of LiteLLM's but of a load balancer, say, in front of it"
        return f"{sentence}. Look whether the proxy is ready, and run it again", status, ""
    kind, said = _said(text)
    said = KEYS.sub("sk-(hidden)", said.strip())
    said = said if len(said) <= LONGEST else said[:LONGEST] + "..."
    sentence = f'"{said}" ({status})'
    if LICENCE.search(said):
        sentence += ". This is a feature of LiteLLM Enterprise"
    elif status == UNAUTHORIZED:
        sentence += ". Give an admin's key, such as the master key"
    return sentence, status, kind


def page(text: str) -> str:
    """What an HTML page is called; empty when the text is none."""
    if not re.match(r"\s*<(!doctype|html|head|body|h1|center)\b", text, re.IGNORECASE):
        return ""
    title = re.search(r"<(title|h1)[^>]*>(.*?)</", text, re.IGNORECASE | re.DOTALL)
    name = " ".join(re.sub(r"<[^>]*>", " ", title.group(2)).split()) if title else ""
    return f'the HTML page "{KEYS.sub("sk-(hidden)", name)[:80]}"' if name else "an HTML page"


def _said(text: str) -> tuple[str, str]:
    try:
        body = json.loads(text)
    except ValueError:
        return "", text
    if not isinstance(body, Mapping):
        return "", text
    error, detail = body.get("error"), body.get("detail")
    if isinstance(error, Mapping):
        return str(error.get("type") or ""), str(error.get("message"))
    if isinstance(detail, Mapping):
        return "", str(detail.get("error") or detail)
    if isinstance(detail, list):
        return "", "; ".join(map(_invalid, detail))
    return "", str(detail or error or text)


def _invalid(item: Any) -> str:
    """One complaint of the validation, without the value that it complains about."""
    if not isinstance(item, Mapping):
        return str(item)
    place = ".".join(str(part) for part in item.get("loc", []) if part != "body")
    return f"{place}: {item.get('msg')}"
