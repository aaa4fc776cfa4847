"""The tests read English, whatever the locale of who runs them."""

import os

os.environ["LC_ALL"] = "C.UTF-8"
