# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# The requirement documents' check of virtual keys and budgets, line by line as it is written there.
MASTER=$(kubectl -n litellm get secret litellm-secrets -o jsonpath='{.data.PROXY_MASTER_KEY}' | base64 -d)

# low budget (will throttle) + high budget
LOW=$(curl -s http://localhost:4000/key/generate -H "Authorization: Bearer $MASTER" \
  -H 'Content-Type: application/json' -d '{"models":["qwen-local"],"max_budget":0.01}' | python3 -c 'import sys,json;print(json.load(sys.stdin)["key"])')
HIGH=$(curl -s http://localhost:4000/key/generate -H "Authorization: Bearer $MASTER" \
  -H 'Content-Type: application/json' -d '{"models":["qwen-local"],"max_budget":5}' | python3 -c 'import sys,json;print(json.load(sys.stdin)["key"])')

# HIGH key: a real completion
curl -s http://localhost:4000/v1/chat/completions -H "Authorization: Bearer $HIGH" \
  -H 'Content-Type: application/json' \
  -d '{"model":"qwen-local","messages":[{"role":"user","content":"ping"}],"max_tokens":16}'
echo

# LOW key: past $0.01 it is refused. Where the document says "drive", many words do it in a few calls.
words=$(printf 'word %.0s' {1..900})
for call in {1..60}; do
    answer=$(curl -s http://localhost:4000/v1/chat/completions -H "Authorization: Bearer $LOW" \
        -H 'Content-Type: application/json' \
        -d '{"model":"qwen-local","messages":[{"role":"user","content":"'"$words"'"}],"max_tokens":16}')
    if grep -q '"type": *"budget_exceeded"' <<<"$answer"; then
        echo "LOW was refused on call $call: $answer"
        break
    fi
done

# spend ledger:
curl -s http://localhost:4000/spend/logs -H "Authorization: Bearer $MASTER"
echo

for value in "$LOW" "$HIGH"; do
    curl -s http://localhost:4000/key/delete -H "Authorization: Bearer $MASTER" \
        -H 'Content-Type: application/json' -d '{"keys": ["'"$value"'"]}' >/dev/null
done
