module tollgate.invalid/cluster/pause

go 1.26.6
