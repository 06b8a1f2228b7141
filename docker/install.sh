#!/bin/sh
# Install script, templates, index and dashboards. A second run renews them.
set -eu
mirsearch index create
mirsearch dashboards install --kibana "$KIBANA"
