"""Exports panels as a dataset for learning: pictures, boxes (COCO), shards (WebDataset), a description (Croissant)."""

from mirsearch.transfer.dataset.export import DatasetOptions, DatasetSummary, export_dataset

__all__ = ["DatasetOptions", "DatasetSummary", "export_dataset"]
