"""
Serve a GGUF file with llama.cpp's own HTTP server, which the package xllamacpp carries as a library.

    ENGINE_KEY=... python serve_llamacpp.py MODEL.gguf PORT        # no key is asked for where ENGINE_KEY is unset

Runs in the environment of requirements-xllamacpp.txt; servers.py starts it.
"""

import os
import signal
import sys
from pathlib import Path

import xllamacpp


def main() -> None:
    """Serve until a signal ends the process."""
    model, port = Path(sys.argv[1]), int(sys.argv[2])
    params = xllamacpp.CommonParams()
    params.model.path = str(model)
    params.model_alias = {model.stem}
    params.hostnames = ["127.0.0.1"]
    params.port = port
    params.n_ctx = 8192  # shared by the slots: 4096 each, what the model was made for
    params.n_parallel = 2
    params.use_jinja = True
    params.ui = False
    params.reasoning_format = xllamacpp.common_reasoning_format.COMMON_REASONING_FORMAT_DEEPSEEK
    if key := os.environ.get("ENGINE_KEY"):
        params.api_keys = [key]
    server = xllamacpp.Server(params)  # serves from threads of its own, for as long as it is held
    print(server.listening_address, flush=True)
    signal.pause()


if __name__ == "__main__":
    main()
