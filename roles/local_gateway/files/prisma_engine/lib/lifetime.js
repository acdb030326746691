// SPDX-License-Identifier: GPL-3.0-or-later
'use strict'

/** Ends this process with its parent (no orphans: a killed proxy leaves no engine) and on signals. */
function endWithParent () {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(0))
  const parent = process.ppid
  if (parent === 1) return // started by init or as a container's first process: nobody to follow
  setInterval(() => { if (process.ppid !== parent) process.exit(0) }, 500).unref()
}

module.exports = { endWithParent }
