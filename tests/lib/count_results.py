# SPDX-License-Identifier: MIT
"""Adds up JUnit XML files: names what failed, prints `N passed, N failed`, exits 1 if any failed.

A skipped or disabled test counts as failed: nothing may pass by not running. So does a stage that
failed although none of its tests is reported as failed.
"""
import argparse
import pathlib
import sys
import xml.etree.ElementTree as ET


def cases(directory):
    for file in sorted(pathlib.Path(directory).glob("*.xml")):
        for case in ET.parse(file).iter("testcase"):
            bad = any(child.tag in ("failure", "error", "skipped") for child in case)
            ran = case.get("status", "run") in ("run", "fail")
            yield f"{file.stem}: {case.get('classname', '')} {case.get('name')}", ran and not bad


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory")
    parser.add_argument("--failed-stages", type=int, default=0)
    args = parser.parse_args()
    results = list(cases(args.directory))
    failures = [name for name, good in results if not good]
    for name in failures:
        print("FAILED", name)
    n_failed = max(len(failures), args.failed_stages)
    print(f"{len(results) - len(failures)} passed, {n_failed} failed")
    return 1 if n_failed or not results else 0


sys.exit(main())
