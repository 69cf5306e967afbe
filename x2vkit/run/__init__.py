"""Running a model: what is asked, who runs it, and the record of it."""
