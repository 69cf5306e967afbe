"""The same eyes for real models: a run of any diffusers video pipeline becomes a `Trace`."""
