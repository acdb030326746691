module tollgate.invalid/cluster/manifests

go 1.26.6

require (
	github.com/cloudnative-pg/cloudnative-pg v1.30.0
	github.com/envoyproxy/ai-gateway v1.0.0
	github.com/envoyproxy/gateway v1.8.3
	github.com/external-secrets/external-secrets v0.20.4
	sigs.k8s.io/gateway-api v1.5.1
	sigs.k8s.io/gateway-api-inference-extension v1.5.0
)
