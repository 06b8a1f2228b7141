#!/bin/sh
# Write docker/.env with new passwords. An existing file keeps what it has, and gets what it lacks.
set -eu
folder=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
target=${1:-"$folder/.env"}
secret() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
umask 077
if [ -e "$target" ]; then
  for name in SEARCH_PASSWORD SEARCH_TOKEN; do  # a file of an older version has none
    grep -q "^$name=" "$target" || { printf '%s=' "$name"; secret; echo; } >> "$target"
  done
  exit 0
fi
cat > "$target.part" <<END
COMPOSE_PROJECT_NAME=mirsearch
STACK_VERSION=9.4.3
ELASTIC_PASSWORD=$(secret)
KIBANA_PASSWORD=$(secret)
KIBANA_ENCRYPTION_KEY=$(secret)
SEARCH_PASSWORD=$(secret)
SEARCH_TOKEN=$(secret)
END
mv "$target.part" "$target"
echo "wrote new passwords to $target" >&2
