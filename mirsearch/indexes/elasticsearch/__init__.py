"""The index on an Elasticsearch cluster (extra `elasticsearch`)."""
