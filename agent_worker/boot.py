"""Django, as a library. Imported before anything that touches a model."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "concierge.settings")

import django

django.setup()
