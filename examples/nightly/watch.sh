#!/usr/bin/env bash
# watch.sh PROVIDER [OPTION...]: record a provider anew, compare with what is committed, and open an issue where it got worse.
# The options go to `harness record`. Exit code 0: as before, or told in an issue. 2: nothing could be recorded.
set -euo pipefail
provider=$1
shift
title="$provider answers differently"

before=$(mktemp -d)
cp -R "cassettes/$provider" "$before/"
harness record "$provider" --again "$@"
if harness diff "$before/$provider" "cassettes/$provider" --format markdown > diff.md; then
  echo "$provider answers as before"
  exit 0
elif [ $? -ne 1 ]; then
  exit 2
fi
# An issue takes 65,536 characters, the summary of a step 1 MiB.
head -c 60000 diff.md > body.md
head -c 900000 diff.md >> "${GITHUB_STEP_SUMMARY:-/dev/null}"
number=$(gh issue list --state open --search "\"$title\" in:title" --json number --jq '.[0].number // empty')
if [ -n "$number" ]; then
  gh issue comment "$number" --body-file body.md
else
  gh issue create --title "$title" --body-file body.md
fi
