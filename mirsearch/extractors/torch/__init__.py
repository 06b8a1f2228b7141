"""Extractors on PyTorch (extra `torch`): GeM networks, CLIP, timm."""
