"""Parts of a cohort: slides by patient, and tiles by class."""
