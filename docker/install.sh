#!/bin/sh
# Script, templates, index and dashboards; again, they are renewed.
set -eu
mirsearch index create
mirsearch dashboards install --kibana "$KIBANA"
