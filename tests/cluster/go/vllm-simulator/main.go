// Copyright: Contributors to the Tollgate project
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// vllm stands where vLLM's own command would: it takes the arguments of `vllm serve`, checks API keys as vLLM does and
// lets llm-d-inference-sim, which checks none, answer.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	simulator = "/app/llm-d-inference-sim"
	// What the simulator gets beside what vLLM's arguments say, for example latencies.
	moreArguments = "TOLLGATE_SIMULATOR_ARGS"
	startLimit    = 60 * time.Second
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "vllm: error: %v\n", err)
		os.Exit(1)
	}
}

func run(words []string) error {
	if len(words) == 0 || words[0] != "serve" {
		fmt.Fprintln(os.Stderr, "usage: vllm serve [model] [options] (this is a simulator)")
		os.Exit(2)
	}
	options, err := parse(words[1:], os.Getenv("VLLM_API_KEY"))
	if err != nil {
		fmt.Fprintf(os.Stderr, "vllm serve: error: %v\n", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	port, err := freePort()
	if err != nil {
		return err
	}
	arguments := append(options.simulator, "--port", strconv.Itoa(port))
	arguments = append(arguments, strings.Fields(os.Getenv(moreArguments))...)
	child := exec.Command(simulator, arguments...)
	child.Stdout, child.Stderr = os.Stdout, os.Stderr
	child.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := child.Start(); err != nil {
		return fmt.Errorf("the simulator could not be started: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- child.Wait() }()
	behind := fmt.Sprintf("127.0.0.1:%d", port)
	if err := ready(ctx, behind, ended); err != nil {
		return err
	}
	server := &http.Server{Handler: guarded(behind, options.keys), ReadHeaderTimeout: time.Minute}
	// vLLM too listens only when it can answer.
	listener, err := net.Listen("tcp", net.JoinHostPort(options.host, options.port))
	if err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return fmt.Errorf("the simulator ended: %v", err)
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	// Without --shutdown-timeout streams are cut, as by vLLM.
	limit, cancel := context.WithTimeout(context.Background(), options.shutdown)
	defer cancel()
	if err := server.Shutdown(limit); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return child.Process.Kill()
}

func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

func ready(ctx context.Context, address string, ended <-chan error) error {
	limit, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	for {
		request, err := http.NewRequestWithContext(limit, http.MethodGet, "http://"+address+"/health/ready", nil)
		if err != nil {
			return err
		}
		if answer, err := http.DefaultClient.Do(request); err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case err := <-ended:
			return fmt.Errorf("the simulator ended at once: %v", err)
		case <-limit.Done():
			return fmt.Errorf("the simulator was not ready within %s", startLimit)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
