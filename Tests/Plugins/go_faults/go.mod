module faults

go 1.19

require outrider v0.0.0
