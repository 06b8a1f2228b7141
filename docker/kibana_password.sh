#!/bin/bash
# Set the password of the user kibana_system. curl reads the secrets from its input, so that no process list shows them.
set -euo pipefail
for attempt in $(seq 1 30); do
  code=$(printf 'user = "elastic:%s"\ndata = "{\\"password\\": \\"%s\\"}"\n' "$ELASTIC_PASSWORD" "$KIBANA_PASSWORD" |
    curl -s -o /dev/null -w '%{http_code}' --cacert "$CA" -K - -H 'Content-Type: application/json' \
      "$ELASTICSEARCH/_security/user/kibana_system/_password") || code=000
  [ "$code" = 200 ] && exit 0
  [ "$code" = 401 ] && { echo "ELASTIC_PASSWORD in docker/.env is not the password that this data volume was created with" >&2; exit 1; }
  echo "attempt $attempt: Elasticsearch answered $code" >&2
  sleep "${WAIT:-2}"
done
exit 1
