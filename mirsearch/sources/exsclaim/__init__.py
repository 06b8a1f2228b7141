"""Figures and panels as EXSCLAIM! describes them."""
