// Copyright: Contributors to the Tollgate project
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"fmt"
	"os"
	"time"

	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
)

// RemoveOrphans removes disks which no PersistentVolume and no claim knows: a predecessor was killed before it could
// store the PersistentVolume, and the claim was deleted before this start. Waits until the API server answers.
func RemoveOrphans(ctx context.Context, client kubernetes.Interface, disks *Disks) error {
	var known map[string]bool
	err := wait.PollUntilContextCancel(ctx, time.Second, true, func(ctx context.Context) (bool, error) {
		var err error
		known, err = wanted(ctx, client)
		if err != nil {
			fmt.Fprintf(os.Stderr, "volume-provisioner: waiting for the API server: %v\n", err)
		}
		return err == nil, nil
	})
	if err != nil {
		return nil // told to end
	}
	names, err := disks.Names()
	if err != nil {
		return err
	}
	for _, name := range names {
		if known[name] {
			continue
		}
		fmt.Fprintf(os.Stderr, "volume-provisioner: %s belongs to no volume and no claim, removing it\n", name)
		if err := disks.Remove(name); err != nil {
			fmt.Fprintf(os.Stderr, "volume-provisioner: %s cannot be removed: %v\n", name, err)
		}
	}
	return nil
}

// wanted are the names of all PersistentVolumes, and those that volumes for the claims have or will have.
func wanted(ctx context.Context, client kubernetes.Interface) (map[string]bool, error) {
	known := map[string]bool{}
	// Claims first: a claim that is bound in between has a volume in the second list.
	claims, err := client.CoreV1().PersistentVolumeClaims(meta.NamespaceAll).List(ctx, meta.ListOptions{})
	if err != nil {
		return nil, err
	}
	for _, claim := range claims.Items {
		known["pvc-"+string(claim.UID)] = true
	}
	volumes, err := client.CoreV1().PersistentVolumes().List(ctx, meta.ListOptions{})
	if err != nil {
		return nil, err
	}
	for _, volume := range volumes.Items {
		known[volume.Name] = true
	}
	return known, nil
}
