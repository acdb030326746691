module tollgate.invalid/cluster/vllm-simulator

go 1.26.6
