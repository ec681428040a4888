"""The tables' schemas, one module per table: the only place that knows column names, types and ranges.

Nothing is imported here, so that names can be looked up without loading pandera.
"""
