"""Running a model: the request, who runs it, and the record of it."""
