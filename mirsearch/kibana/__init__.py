"""Dashboards for Kibana: made, and installed over its API."""
