"""Gather figures of open-access articles by keyword: ask services, fetch politely, keep a ledger."""
