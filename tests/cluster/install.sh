#!/usr/bin/env bash
# Installs Debian's Slurm and munge where they are missing; ends with status 1 where that cannot be.
command -v slurmctld > /dev/null && command -v slurmd > /dev/null && command -v munged > /dev/null && exit 0
[ "$(id -u)" = 0 ] && command -v apt-get > /dev/null || exit 1
export DEBIAN_FRONTEND=noninteractive
{ timeout 120 apt-get update -q && timeout 300 apt-get install -qy --no-install-recommends slurm-wlm munge; } > /dev/null 2>&1
