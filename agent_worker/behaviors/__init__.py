"""When X happens, the agent does Y: one module each, attached by one line each in worker.py."""
