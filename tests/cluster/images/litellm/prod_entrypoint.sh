#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The entry point of the official image, without what this one does not carry.
case "${SEPARATE_HEALTH_APP:-} ${USE_DDTRACE:-} ${USE_NEWRELIC:-}" in
    1\ * | *true*)
        echo "This image has no supervisord, ddtrace or newrelic: unset SEPARATE_HEALTH_APP, USE_DDTRACE, USE_NEWRELIC." >&2
        exit 64
        ;;
esac
exec litellm "$@"
