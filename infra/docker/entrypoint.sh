#!/bin/sh
# Runs the service that is named, or a TypeScript file of the repository. Node becomes process 1 and gets signals itself.
set -eu
case "$1" in
  *.ts) exec node "$@" ;;
  *) exec node "services/$1/src/main.ts" ;;
esac
