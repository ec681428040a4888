"""Records of what was computed, from which inputs, and what failed."""
