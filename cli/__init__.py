"""Run the command `drchrono-oncall`."""
