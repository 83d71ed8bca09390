#!/usr/bin/env python
"""Make XaS-Mini: a free multi-camera studio in Human3.6M's layout.

    python tools/make_xas_mini.py --out data/xas_mini --workers 2
    python tools/make_xas_mini.py --describe data/xas_mini

Then `XAS_H36M_ROOT=data/xas_mini` lets configs/xas_h36m.py run on it. A run
that was stopped goes on where it was; a finished folder is left as it is. The
same settings give the same checksum, whatever the number of workers. See
docs/xas_mini.md.
"""
from __future__ import annotations

from collections.abc import Sequence

from studio.command import run

from xas_mmpose.render.studio import XasMiniSettings


def main(arguments: Sequence[str] | None = None) -> None:
    """Write, or describe, an XaS-Mini."""
    run(XasMiniSettings, __doc__, arguments,
        dict(body='a person: human, human_full or a model file'))


if __name__ == '__main__':
    main()
