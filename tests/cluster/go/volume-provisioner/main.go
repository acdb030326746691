// Copyright: Contributors to the Tollgate project
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// volume-provisioner makes each PersistentVolume of the test cluster as an ext4 file system of the claimed size in a
// sparse file, so that a full volume is really full. It runs on the node itself, as root, beside the kubelet.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v10/controller"
)

// A failed step is tried again soon: nobody waits hours for a volume of a test.
const (
	shortestRetry = time.Second
	longestRetry  = 15 * time.Second
)

func main() {
	kubeconfig := flag.String("kubeconfig", "", "credentials for the API server")
	directory := flag.String("directory", "", "where the files and mount points of the volumes lie")
	name := flag.String("name", "tollgate.llm/loop", "which provisioner of a StorageClass this is")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx, *kubeconfig, *directory, *name); err != nil {
		fmt.Fprintf(os.Stderr, "volume-provisioner: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, kubeconfig, directory, name string) error {
	if kubeconfig == "" || directory == "" {
		return fmt.Errorf("--kubeconfig and --directory are needed: whose claims, and where the volumes lie")
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return fmt.Errorf("the kubeconfig %s cannot be used: %w", kubeconfig, err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("the kubeconfig %s cannot be used: %w", kubeconfig, err)
	}
	disks, err := OpenDisks(directory)
	if err != nil {
		return err
	}
	// Before anything that needs the API server: pods of a node that was started again wait for their volumes.
	if err := disks.MountAll(); err != nil {
		return err
	}
	if err := RemoveOrphans(ctx, client, disks); err != nil {
		return err
	}
	controller.NewProvisionController(klog.FromContext(ctx), client, name, &Provisioner{disks: disks},
		controller.LeaderElection(false), // the lock on the directory allows one process
		controller.AddFinalizer(true),    // a PersistentVolume that is deleted by hand waits until its file is gone
		controller.FailedProvisionThreshold(0),
		controller.FailedDeleteThreshold(0),
		controller.RateLimiter(workqueue.NewTypedItemExponentialFailureRateLimiter[any](shortestRetry, longestRetry)),
	).Run(ctx)
	return nil
}
