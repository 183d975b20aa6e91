module same_answer

go 1.19

require outrider v0.0.0

replace outrider => ../../../Plugins/sdk/go
