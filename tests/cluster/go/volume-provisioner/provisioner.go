// Copyright: Contributors to the Tollgate project
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"

	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v10/controller"
)

// Provisioner answers claims with disks. A PersistentVolume is of type local, so that fsGroup works on it.
type Provisioner struct {
	disks *Disks
}

// Provision makes the disk of a claim. It may be called again for the same claim at any time.
func (p *Provisioner) Provision(
	_ context.Context, options controller.ProvisionOptions,
) (*core.PersistentVolume, controller.ProvisioningState, error) {
	if err := refusal(options); err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	requested := options.PVC.Spec.Resources.Requests[core.ResourceStorage]
	size, err := p.disks.Create(options.PVName, requested.Value())
	if err != nil {
		// The claim may be gone before the next try, and then nobody would remove what was half made.
		return nil, controller.ProvisioningFinished, errors.Join(err, p.disks.Remove(options.PVName))
	}
	return &core.PersistentVolume{
		ObjectMeta: meta.ObjectMeta{Name: options.PVName},
		Spec: core.PersistentVolumeSpec{
			PersistentVolumeReclaimPolicy: *options.StorageClass.ReclaimPolicy,
			AccessModes:                   options.PVC.Spec.AccessModes,
			Capacity:                      core.ResourceList{core.ResourceStorage: *resource.NewQuantity(size, resource.BinarySI)},
			PersistentVolumeSource: core.PersistentVolumeSource{
				Local: &core.LocalVolumeSource{Path: p.disks.Volume(options.PVName)},
			},
			NodeAffinity: onlyOn(options.SelectedNode),
		},
	}, controller.ProvisioningFinished, nil
}

// Delete removes the disk of a volume whose claim is gone.
func (p *Provisioner) Delete(_ context.Context, volume *core.PersistentVolume) error {
	return p.disks.Remove(volume.Name)
}

// refusal says why a claim gets no disk, as the drivers of block storage do.
func refusal(options controller.ProvisionOptions) error {
	if options.SelectedNode == nil {
		return fmt.Errorf("StorageClass %s needs volumeBindingMode WaitForFirstConsumer: the disk is made on the pod's node",
			options.StorageClass.Name)
	}
	if options.PVC.Spec.Selector != nil {
		return fmt.Errorf("a claim with a selector takes an existing volume, none is made for it")
	}
	for _, mode := range options.PVC.Spec.AccessModes {
		if mode != core.ReadWriteOnce && mode != core.ReadWriteOncePod {
			return fmt.Errorf("access mode %s is not supported: a disk belongs to one node, use ReadWriteOnce", mode)
		}
	}
	return nil
}

func onlyOn(node *core.Node) *core.VolumeNodeAffinity {
	return &core.VolumeNodeAffinity{Required: &core.NodeSelector{NodeSelectorTerms: []core.NodeSelectorTerm{{
		MatchExpressions: []core.NodeSelectorRequirement{{
			Key: core.LabelHostname, Operator: core.NodeSelectorOpIn, Values: []string{node.Labels[core.LabelHostname]},
		}},
	}}}}
}
