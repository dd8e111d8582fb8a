#!/bin/sh
# Changes the code in small ways and runs the tests: a change that no test notices is a hole. The
# first argument is the area, server (lib/assertion, lib/secrets) or client (lib/client); the others
# are Stryker's, such as --mutate lib/client/publish.ts. It takes hours. The tests of the server are
# bundled first, since loading is most of what a short test does: each mutant starts them anew.
# Passport stays outside, as its code is not strict; what the bundles require are Node's own modules.
set -eu
cd "$(dirname "$0")/.."

area=${1:?the area is missing: server or client}
shift
exec nice -n 19 npx stryker run "stryker.$area.json" "$@"
