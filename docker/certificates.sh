#!/bin/bash
# Make a CA and a certificate for the node in /certificates, the first time only.
set -euo pipefail
folder=${1:-/certificates}
tool=${CERTUTIL:-/usr/share/elasticsearch/bin/elasticsearch-certutil}
[ -e "$folder/node.crt" ] && exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$tool" ca --silent --pem --out "$work/ca.zip"
unzip -q "$work/ca.zip" -d "$work"
"$tool" cert --silent --pem --out "$work/node.zip" --name node \
  --ca-cert "$work/ca/ca.crt" --ca-key "$work/ca/ca.key" \
  --dns elasticsearch --dns localhost --ip 127.0.0.1
unzip -q "$work/node.zip" -d "$work"
cp "$work/ca/ca.crt" "$work/node/node.key" "$folder"
# the CA's key is not kept: it must sign nothing else
chown -R "${OWNER:-1000:0}" "$folder"
chmod 644 "$folder/ca.crt"
chmod 640 "$folder/node.key"
cp "$work/node/node.crt" "$folder/node.crt.part"
chmod 644 "$folder/node.crt.part"
mv "$folder/node.crt.part" "$folder/node.crt"
