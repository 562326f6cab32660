# SPDX-License-Identifier: MIT
"""The benchmark suite: script/bench runs it (docs/measurements.md)."""
