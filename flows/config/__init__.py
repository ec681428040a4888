"""The configuration: its model, field types and refusals."""
