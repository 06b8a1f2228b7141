#!/bin/sh
# Serve the search page of the index. The token is written where only this container's user can read it.
set -eu
umask 077
printf '%s\n' "$SEARCH_TOKEN" > "$HOME/token"
unset SEARCH_TOKEN
exec mirsearch serve --host 0.0.0.0 --port 8765 --token-file "$HOME/token" --allowed-host "$SEARCH_HOST" \
  --workers "$SEARCH_WORKERS" --access-log -
