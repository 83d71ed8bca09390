#!/usr/bin/env python
"""Make XaS-Zoo-Mini: animals in a free studio, in Human3.6M's layout.

    python tools/make_xas_zoo_mini.py --out data/xas_zoo_mini --workers 2
    python tools/make_xas_zoo_mini.py --describe data/xas_zoo_mini

configs/xas_zoo_mini.py trains on it. A run that was stopped goes on where it
was; a finished folder is left as it is. The same settings give the same
checksum, whatever the number of workers. See docs/xas_zoo_mini.md.
"""
from __future__ import annotations

from collections.abc import Sequence

from studio.command import run

from xas_mmpose.render.studio import XasZooMiniSettings


def main(arguments: Sequence[str] | None = None) -> None:
    """Write, or describe, an XaS-Zoo-Mini."""
    run(XasZooMiniSettings, __doc__, arguments)


if __name__ == '__main__':
    main()
