"""Training on a user's corpus: whitening, metrics and scale-bar detectors, measured on held-out articles."""
