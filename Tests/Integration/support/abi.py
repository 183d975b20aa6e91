"""The version of the plugin ABI, as outrider.h has it."""

import re

from server import ROOT

HEADER = ROOT / "Sources/COutrider/include/outrider.h"
MINOR = int(re.search(r"#define OUTRIDER_ABI_MINOR (\d+)u", HEADER.read_text())[1])
