#!/usr/bin/env python3
"""Fetches a model for from_pretrained() and prints its folder; what is on this machine already is not fetched again.

Usage: smart_cache.py [REPO]
"""

import sys

from hubcache import smart_cache

path = smart_cache(sys.argv[1] if len(sys.argv) > 1 else "CompVis/stable-diffusion-v1-4")
print(path)  # pipeline = DiffusionPipeline.from_pretrained(path)
