#!/bin/sh
# After installation and removal: systemd, where it runs, reads its units anew. Nothing is started.
if [ -d /run/systemd/system ]; then
  systemctl daemon-reload || true
fi
