"""Writes the dashboards: python3 grafana/src/build.py [FOLDER]. Needs what requirements.txt names."""

import json
import pathlib
import sys

import cluster
import collector
import fleet
from grafana_foundation_sdk.cog.encoder import JSONEncoder


def main():
    here = pathlib.Path(__file__).resolve().parent
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here.parent / "dashboards"
    folder.mkdir(parents=True, exist_ok=True)
    for board in (fleet.build(), cluster.build(), collector.build()):
        panels = [panel for panel in board.panels or []]
        for number, panel in enumerate(panels, 1):
            panel.id_val = number
        text = json.dumps(board, cls=JSONEncoder, indent=2, sort_keys=True, ensure_ascii=False)
        (folder / f"{board.uid.removeprefix('ccxwatch-')}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
