# What every unit includes, once it has named its types T and its operations Op.

include "ops.pxi"
include "halves.pxi"
include "windows.pxi"
include "moves.pxi"
include "boxes.pxi"
include "elementary.pxi"
include "lifts.pxi"
include "load.pxi"
include "store.pxi"
