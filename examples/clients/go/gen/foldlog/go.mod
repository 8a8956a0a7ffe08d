module foldlog

go 1.25.0
