// Copyright: Contributors to the Tollgate project
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
	"k8s.io/mount-utils"
)

const (
	imageSuffix = ".img"
	unfinished  = ".new" // an image that has no file system yet
	smallest    = 16 << 20
)

// Disks are ext4 file systems in sparse files of one directory: NAME.img is the file, NAME/ its mount point and
// NAME/volume what a pod gets. A pod never gets the mount point itself: were the file not mounted, after a crash, the
// kubelet would hand out the empty directory below it, and the pod would write beside its data.
type Disks struct {
	directory string
	mounter   mount.Interface
}

// OpenDisks takes the directory over. It waits for commands which a killed predecessor left running there.
func OpenDisks(directory string) (*Disks, error) {
	directory, err := filepath.Abs(directory)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(directory, 0o711); err != nil {
		return nil, err
	}
	// Without O_CLOEXEC, on purpose: mkfs and mount inherit the lock, so a successor cannot overtake them.
	lock, err := unix.Open(filepath.Join(directory, ".lock"), unix.O_CREAT|unix.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("the lock of %s: %w", directory, err)
	}
	for flag := unix.LOCK_EX | unix.LOCK_NB; ; flag = unix.LOCK_EX {
		err := unix.Flock(lock, flag)
		if err == nil {
			return &Disks{directory: directory, mounter: mount.NewWithoutSystemd("")}, nil
		}
		if errors.Is(err, unix.EWOULDBLOCK) {
			fmt.Fprintf(os.Stderr, "volume-provisioner: another one works in %s, waiting for its end\n", directory)
		} else if !errors.Is(err, unix.EINTR) {
			return nil, fmt.Errorf("the lock of %s: %w", directory, err)
		}
	}
}

func (d *Disks) image(name string) string { return filepath.Join(d.directory, name+imageSuffix) }
func (d *Disks) root(name string) string  { return filepath.Join(d.directory, name) }

// Volume is the directory that a pod gets.
func (d *Disks) Volume(name string) string { return filepath.Join(d.root(name), "volume") }

// Names are those of all finished images.
func (d *Disks) Names() ([]string, error) {
	images, err := filepath.Glob(filepath.Join(d.directory, "*"+imageSuffix))
	names := make([]string, 0, len(images))
	for _, image := range images {
		names = append(names, strings.TrimSuffix(filepath.Base(image), imageSuffix))
	}
	return names, err
}

// Create makes a disk of at least so many bytes, mounted. Each step that was done before is left as it is.
// It returns the size that the disk has.
func (d *Disks) Create(name string, size int64) (int64, error) {
	size = max(size, smallest)
	if _, err := os.Stat(d.image(name)); errors.Is(err, os.ErrNotExist) {
		if err := d.format(name, size); err != nil {
			return 0, err
		}
	} else if err != nil {
		return 0, err
	}
	return size, d.Mount(name)
}

// format makes the image beside its place and moves it there when it is whole.
func (d *Disks) format(name string, size int64) error {
	fresh := d.image(name) + unfinished
	file, err := os.OpenFile(fresh, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	err = errors.Join(file.Truncate(size), file.Close())
	if err == nil {
		// Nothing is reserved for root: the whole size is the pod's. The tables are written when they are first used.
		err = command("mkfs.ext4", "-q", "-F", "-m", "0", "-E", "lazy_itable_init=1,lazy_journal_init=1,nodiscard", fresh)
	}
	if err == nil {
		err = os.Rename(fresh, d.image(name))
	}
	if err != nil {
		return errors.Join(err, os.Remove(fresh))
	}
	return nil
}

// Mount mounts the disk unless it is mounted.
func (d *Disks) Mount(name string) error {
	if err := os.MkdirAll(d.root(name), 0o711); err != nil {
		return err
	}
	mounted, err := d.mounter.IsMountPoint(d.root(name))
	if err != nil {
		return err
	}
	if !mounted {
		// mount's own loop devices free themselves with the last unmount; discard gives freed blocks back to the host.
		if err := d.mounter.Mount(d.image(name), d.root(name), "ext4", []string{"loop", "noatime", "discard"}); err != nil {
			return err
		}
	}
	if err := os.Mkdir(d.Volume(name), 0o755); err != nil {
		if errors.Is(err, os.ErrExist) {
			return nil
		}
		return err
	}
	// What pods find on any fresh ext4 disk: an image that wants an empty directory must fail here as it does there.
	return os.Mkdir(filepath.Join(d.Volume(name), "lost+found"), 0o700)
}

// Remove unmounts and removes the disk, as far as it is there. The image goes last, for it is what tells of the disk.
func (d *Disks) Remove(name string) error {
	if err := mount.CleanupMountPoint(d.root(name), d.mounter, true); err != nil {
		return err
	}
	if err := os.Remove(d.image(name)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// MountAll mounts every disk there is, and removes images that were never finished.
func (d *Disks) MountAll() error {
	fresh, err := filepath.Glob(filepath.Join(d.directory, "*"+imageSuffix+unfinished))
	if err != nil {
		return err
	}
	for _, image := range fresh {
		if err := os.Remove(image); err != nil {
			return err
		}
	}
	names, err := d.Names()
	for _, name := range names {
		if failed := d.Mount(name); failed != nil {
			// The others are of use all the same. The pods of this one wait, and their events say for what.
			fmt.Fprintf(os.Stderr, "volume-provisioner: %s cannot be mounted: %v\n", d.image(name), failed)
		}
	}
	return err
}

func command(name string, arguments ...string) error {
	if output, err := exec.Command(name, arguments...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(string(output)))
	}
	return nil
}
