#!/bin/bash
# Give the user kibana_system its password; the secrets go to curl by its input, where no process list shows them.
set -euo pipefail
for attempt in $(seq 1 30); do
  code=$(printf 'user = "elastic:%s"\ndata = "{\\"password\\": \\"%s\\"}"\n' "$ELASTIC_PASSWORD" "$KIBANA_PASSWORD" |
    curl -s -o /dev/null -w '%{http_code}' --cacert "$CA" -K - -H 'Content-Type: application/json' \
      "$ELASTICSEARCH/_security/user/kibana_system/_password") || code=000
  [ "$code" = 200 ] && exit 0
  [ "$code" = 401 ] && { echo "ELASTIC_PASSWORD in docker/.env is not the one this data volume was made with" >&2; exit 1; }
  echo "attempt $attempt: Elasticsearch answered $code" >&2
  sleep "${WAIT:-2}"
done
exit 1
