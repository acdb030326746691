// Copyright: Contributors to the Tollgate project
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
)

// vLLM 0.32 asks for a key below these alone: /metrics, /health, /tokenize and even /invocations are open.
var guardedPaths = []string{"/v1", "/v2", "/inference", "/cohere"}

func guarded(behind string, keys []string) http.Handler {
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: behind})
	proxy.FlushInterval = -1 // each piece of a stream at once
	return http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		if len(keys) > 0 && needsKey(request) && !allowed(request.Header.Get("Authorization"), keys) {
			answer.Header().Set("Content-Type", "application/json")
			answer.WriteHeader(http.StatusUnauthorized)
			_, _ = answer.Write([]byte(`{"error":"Unauthorized"}`))
			return
		}
		proxy.ServeHTTP(answer, request)
	})
}

func needsKey(request *http.Request) bool {
	if request.Method == http.MethodOptions {
		return false
	}
	for _, path := range guardedPaths {
		if strings.HasPrefix(request.URL.Path, path) {
			return true
		}
	}
	return false
}

func allowed(header string, keys []string) bool {
	scheme, given, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return false
	}
	sum := sha256.Sum256([]byte(given))
	found := 0
	for _, key := range keys {
		wanted := sha256.Sum256([]byte(key))
		found |= subtle.ConstantTimeCompare(sum[:], wanted[:])
	}
	return found == 1
}
