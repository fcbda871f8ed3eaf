"""Adapters for models that run here, one file each. No keys, no downloads beyond the installed packages."""
