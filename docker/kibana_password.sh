#!/bin/bash
# Set the password of the user kibana_system, and make the user of the search page, which may only read the index.
# curl reads the secrets from its input, so that no process list shows them.
set -euo pipefail

ask() {  # METHOD PATH BODY: print the status of the answer
  printf 'user = "elastic:%s"\nrequest = "%s"\ndata = "%s"\n' "$ELASTIC_PASSWORD" "$1" "${3//\"/\\\"}" |
    curl -s -o /dev/null -w '%{http_code}' --cacert "$CA" -K - -H 'Content-Type: application/json' "$ELASTICSEARCH/_security/$2"
}

privileges='{"indices": [{"names": ["'$INDEX'", "'$INDEX'-0*"], "privileges": ["read", "view_index_metadata"]}]}'
for attempt in $(seq 1 30); do
  code=$(ask POST user/kibana_system/_password "{\"password\": \"$KIBANA_PASSWORD\"}") || code=000
  if [ "$code" = 200 ]; then
    code=$(ask PUT role/mirsearch_search "$privileges") || code=000
    [ "$code" = 200 ] && { code=$(ask PUT user/mirsearch_search \
      "{\"password\": \"$SEARCH_PASSWORD\", \"roles\": [\"mirsearch_search\"]}") || code=000; }
    [ "$code" = 200 ] && exit 0
  fi
  [ "$code" = 401 ] && { echo "ELASTIC_PASSWORD in docker/.env is not the password that this data volume was created with" >&2; exit 1; }
  echo "attempt $attempt: Elasticsearch answered $code" >&2
  sleep "${WAIT:-2}"
done
exit 1
