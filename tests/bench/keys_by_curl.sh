#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# One curl for each key: URL in $1, master key in the file $2, a body a line on standard input. Those that are there stay.
set -euo pipefail
url=$1
header="Authorization: Bearer $(<"$2")"
while read -r body; do
    answer=$(curl --silent --show-error --write-out '\n%{http_code}' "$url/key/generate" \
        --header @<(printf '%s\n' "$header") --header 'Content-Type: application/json' --data @<(printf '%s' "$body"))
    case ${answer##*$'\n'} in
        200) ;;
        400) [[ $answer == *'already exists'* ]] || { printf '%s\n' "$answer" >&2; exit 1; } ;;
        *) printf '%s\n' "$answer" >&2; exit 1 ;;
    esac
done
