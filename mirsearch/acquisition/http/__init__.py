"""One polite HTTP client for every source: paced, patient, bounded, cached, and kept to the hosts it may ask."""
