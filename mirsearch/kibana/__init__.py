"""Make the dashboards for Kibana, and install them over its API."""
