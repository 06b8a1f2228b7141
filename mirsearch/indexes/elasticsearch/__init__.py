"""The index on an Elasticsearch cluster (extra `elasticsearch`)."""

from mirsearch.indexes.elasticsearch.index import ElasticsearchIndex

__all__ = ["ElasticsearchIndex"]
