module notes

go 1.19

require outrider v0.0.0

replace outrider => /usr/local/share/outrider/sdk/go
