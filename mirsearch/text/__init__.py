"""Words as they are searched: tokens, stems, lengths."""
