#!/bin/sh
# Write docker/.env with new passwords. An existing file stays as it is.
set -eu
folder=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
target=${1:-"$folder/.env"}
[ -e "$target" ] && exit 0
secret() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
umask 077
cat > "$target.part" <<END
COMPOSE_PROJECT_NAME=mirsearch
STACK_VERSION=9.4.3
ELASTIC_PASSWORD=$(secret)
KIBANA_PASSWORD=$(secret)
KIBANA_ENCRYPTION_KEY=$(secret)
END
mv "$target.part" "$target"
echo "wrote new passwords to $target" >&2
