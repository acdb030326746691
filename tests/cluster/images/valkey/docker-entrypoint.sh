#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# As the official image: options or a configuration file alone mean the server.
set -e
case ${1:-} in
    -* | *.conf) set -- valkey-server "$@" ;;
esac
exec "$@"
