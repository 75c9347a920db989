#!/usr/bin/env node
// The command `dat` as npm installs it; everything is in `src/bin.ts`.
import '../dist/bin.js'
