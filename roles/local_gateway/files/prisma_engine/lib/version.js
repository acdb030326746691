// SPDX-License-Identifier: GPL-3.0-or-later
'use strict'

// Of @prisma/client 5.17.0, whose WebAssembly engine this is.
module.exports = { VERSION: '5.17.0', COMMIT: '393aa359c9ad4a4bb28630fb5613f9c281cde053' }
