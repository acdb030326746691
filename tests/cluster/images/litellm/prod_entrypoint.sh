#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The entry point of the official image, without what this one does not carry.
for missing in SEPARATE_HEALTH_APP USE_DDTRACE USE_NEWRELIC; do
    eval "value=\${$missing:-}"
    case $value in
        1 | true)
            echo "$missing: this image of the test cluster has no supervisord, ddtrace or newrelic. Unset it." >&2
            exit 64
            ;;
    esac
done
exec litellm "$@"
