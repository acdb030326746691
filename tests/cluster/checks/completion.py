# Copyright: Contributors to the Tollgate project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks a model server that runs in a pod, from a second container of that pod."""

from __future__ import annotations

import json
from typing import Any

from tollgate_checks.cluster import Cluster
from tollgate_checks.objects import Object

CLIENT = {"name": "client", "image": "docker.io/library/python:3.13-slim", "command": ["sleep", "600"]}
REQUEST = """\
import sys, urllib.request, urllib.error
headers = {"Content-Type": "application/json", "Authorization": f"Bearer {sys.argv[1]}"}
url = "http://127.0.0.1:8000/v1/chat/completions"
try:
    print(urllib.request.urlopen(urllib.request.Request(url, sys.argv[2].encode(), headers)).read().decode())
except urllib.error.HTTPError as error:
    print(error.code)
"""


def complete(cluster: Cluster, running: Object, key: str, model: str) -> Any:
    """The answer to a short question, or the status code of a refusal. The pod needs CLIENT among its containers."""
    question = [{"role": "user", "content": "ping"}]
    body = json.dumps({"model": model, "messages": question, "max_tokens": 4, "ignore_eos": True})
    code, output = cluster.execute(running, "python3", "-c", REQUEST, key, body, container="client")
    assert code == 0, output
    return json.loads(output)
