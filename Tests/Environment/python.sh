#!/bin/bash
# The tests' own Python environment, in .build/venv; made again when the requirements change.
set -euo pipefail
requirements=Tests/Environment/requirements.txt
cmp -s "$requirements" .build/venv/requirements.txt && exit 0
echo "Making the tests' Python environment in .build/venv"
rm -rf .build/venv
mkdir -p .build
python3 -m venv .build/venv
.build/venv/bin/pip install -q --disable-pip-version-check -r "$requirements"
cp "$requirements" .build/venv/requirements.txt
