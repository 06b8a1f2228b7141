"""Gather figures of open-access articles by keyword: search, download politely, record progress in a ledger."""
