"""Points of real runs and the laws through them; the runs that ship. Numbers alone: numpy, never torch."""
