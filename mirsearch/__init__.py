"""Search microscopy figures of the scientific literature by looks, physical scale and words."""

import os

__version__ = "0.2.0"

# Here, so that it is set before any import of these libraries, also by another library and in child processes.
# onnxruntime reads its variable once, when it is imported: it would send reports to its maker, and keep a device id.
os.environ |= {"ORT_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
