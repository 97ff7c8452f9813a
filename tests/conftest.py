"""Settings of the whole suite: hypothesis explores anew on every run at a desk, and repeats itself in CI."""

import os

from hypothesis import settings

settings.register_profile("steady", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("steady")
