"""Learning from one's own corpus: whitening, metrics and scale-bar detectors, measured on what was held out."""
