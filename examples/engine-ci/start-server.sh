#!/usr/bin/env bash
# Stands for your engine: answers as OpenAI does, but for one fault. Prints the base URL once it listens.
set -euo pipefail
harness serve reference --port "${PORT:-8484}" --fault "${FAULT:-object-missing}" > server.log 2>&1 &
echo $! > server.pid
for _ in $(seq 100); do
  if grep -m 1 -o 'http://[^ ]*/reference/v1' server.log; then exit 0; fi
  sleep 0.2
done
cat server.log >&2
exit 1
