#!/usr/bin/env bash
# Runs every script that shows a point of an issue, in order; the first that fails ends it.
set -euo pipefail
cd "$(dirname "$0")"
for script in [a-z][0-9]*.sh; do
    echo "-- $script"
    bash "./$script"
done
