"""
Serve Anthropic Messages with Claude Code Router, which asks a chat endpoint for each answer.

    UPSTREAM_URL=... UPSTREAM_KEY=... ENGINE_KEY=... python serve_ccr.py FOLDER PORT

FOLDER is where npm installed it; servers.py starts this.  The gateway reads its configuration from the home folder, so it
gets one of its own there.
"""

import json
import os
import sys
from pathlib import Path

MODEL = "tiny-chat"
WITHOUT_FRAMES = "data:text/javascript,Error.prepareStackTrace=String"
"""The gateway puts the stack of an error into its message: without frames that names no path of this machine."""


def main() -> None:
    """Write the configuration, and become the gateway."""
    folder, port = Path(sys.argv[1]).resolve(), int(sys.argv[2])
    home = folder / "home"
    told = home / ".claude-code-router"
    told.mkdir(parents=True, exist_ok=True)
    upstream = {
        "name": "upstream",
        "api_base_url": f"{os.environ['UPSTREAM_URL']}/chat/completions",
        "api_key": os.environ["UPSTREAM_KEY"],
        "models": [MODEL],
    }
    settings = {
        "HOST": "127.0.0.1",
        "PORT": port,
        "APIKEY": os.environ["ENGINE_KEY"],
        "LOG": False,
        "NON_INTERACTIVE_MODE": True,
        "Providers": [upstream],
        "Router": {"default": f"upstream,{MODEL}"},
    }
    (told / "config.json").write_text(json.dumps(settings))
    program = folder / "node_modules/@musistudio/claude-code-router/dist/cli.js"
    os.execvpe("node", ["node", "--import", WITHOUT_FRAMES, str(program), "start"], os.environ | {"HOME": str(home)})


if __name__ == "__main__":
    main()
