#!/bin/sh
# Runs the tests on each Node that is supported besides the oldest. The binaries come from npm.
# Arguments are the major versions; default 22, 24 and 26.
set -eu
cd "$(dirname "$0")/.."

[ $# -gt 0 ] || set -- 22 24 26
for major in "$@"; do
  echo "Node $major"
  npx --yes --package="node@$major" -- npm test
done
