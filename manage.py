#!/usr/bin/env python3
"""Django's command line. ``./run manage …`` calls it inside the environment that ``./run`` makes."""

import os
import sys

try:
    from django.core.management import execute_from_command_line
except ModuleNotFoundError:
    sys.exit("Django is not installed in this Python. Use ./run manage … instead: it makes the environment it needs.")

if __name__ == "__main__":
    if "DATABASE_URL" not in os.environ:
        sys.exit("DATABASE_URL is not set. Use ./run manage …, or set what docs/operations.md lists.")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tpm.settings")
    execute_from_command_line(sys.argv)
