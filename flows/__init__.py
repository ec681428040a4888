"""Prefect flows over Ray Data."""
