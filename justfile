# Every task of the project. `npx --yes rust-just RECIPE` runs one on a machine that has Node but not `just`.

set shell := ["bash", "-euo", "pipefail", "-c"]

# List the recipes
default:
    @just --list --unsorted
